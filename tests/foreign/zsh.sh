# needs zsh:zsh
zsh -fc 'a=({1..500}); print ${#a} ${(j:,:)a[1,5]}; for f in /etc/p*(N.); do print ${f:t}; done | head -3'

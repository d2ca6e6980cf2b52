# needs git:git
export HOME=$PWD GIT_AUTHOR_DATE=2001-01-01T00:00:00Z GIT_COMMITTER_DATE=2001-01-01T00:00:00Z
git init -q -b main r && cd r && git config user.name N && git config user.email e@example.org
for i in 1 2 3 4 5 6; do seq $i 400 >f$i; git add . && git commit -qm "commit $i"; done
git branch b HEAD~3 && git gc -q && git log --oneline --stat && git diff HEAD~4 | sha256sum && git fsck --full
git checkout -q b && git merge -q main && git bundle create -q ../x.bundle --all && git clone -q ../x.bundle ../c && ls ../c

# needs lua5.4:lua5.4
lua5.4 -e 't = {} for i = 1, 20000 do t[i % 99] = (t[i % 99] or "") .. i end print(#t[5]) collectgarbage() os.exit(4)'

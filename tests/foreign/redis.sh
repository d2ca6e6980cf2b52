# needs redis-server:redis-server redis-cli:redis-tools
redis-server --port 0 --unixsocket "$PWD/socket" --save '' --io-threads 2 --logfile log --dir "$PWD" & server=$!
while ! [ -S socket ]; do sleep 0.05; done
seq 3000 | sed 's/.*/SET key:& value-&/' | redis-cli -s socket | sort | uniq -c
seq 200 | sed 's/.*/LPUSH list & &/' | redis-cli -s socket | tail -n 1
redis-cli -s socket eval 'local n = 0; for i = 1, 9999 do n = n + i end; return n' 0
redis-cli -s socket dbsize; redis-cli -s socket save; redis-cli -s socket shutdown nosave
wait $server; echo "status $?"

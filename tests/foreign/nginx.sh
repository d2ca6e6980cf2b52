# needs nginx:nginx-light curl:curl
mkdir -p www tmp; for i in $(seq 20); do seq $i $((i * 300)) >www/$i.txt; done
cat >conf <<END
daemon off; worker_processes 2; pid $PWD/pid; error_log $PWD/error.log; user root;
events { worker_connections 64; }
http { access_log off; gzip on; gzip_types text/plain; client_body_temp_path tmp/b; proxy_temp_path tmp/p;
  fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
  server { listen unix:$PWD/socket; root $PWD/www; default_type text/plain; } }
END
nginx -p "$PWD" -c "$PWD/conf" -e "$PWD/error.log" & server=$!
while ! [ -S socket ]; do sleep 0.05; done
for round in 1 2 3; do
    seq 20 | xargs -P 8 -I N curl -sS --compressed --unix-socket socket -o gotN http://host/N.txt
    cat got* | sha256sum
done
kill -QUIT $server; wait $server; echo "status $?"

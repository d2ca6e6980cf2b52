# needs sed:sed
seq 2000 | sed -n -e 'H;${x;s/\n/,/g;s/[0-9]*7,//g;p}' | sha256sum

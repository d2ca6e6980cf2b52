# needs bash:bash
bash -c 'declare -A m; for i in {1..300}; do m[$((i % 17))]+=x$i; done; for k in {0..16}; do echo $k ${#m[$k]}; done; cat <(seq 5) <(echo "$(seq 3 | (while read n; do echo $((n * n)); done))"); exit 5'

# needs dash:dash
dash -c 'i=0; while [ $i -lt 200 ]; do i=$((i+1)); x=$(echo $i); done; echo $x; kill -TERM $$'

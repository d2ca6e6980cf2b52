# needs bc:bc
echo 'scale = 300; 4 * a(1); 2 ^ 2000' | bc -l

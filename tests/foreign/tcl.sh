# needs tclsh:tcl
echo 'for {set i 0} {$i < 3000} {incr i} {dict append d [expr {$i % 9}] $i}; puts [string length $d]; exit 2' | tclsh

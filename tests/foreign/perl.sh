# needs perl:perl
perl -e '$h{$_ % 101} .= "v$_" for 1..20000; print length($h{7}), "\n"; print STDERR "e\n"; fork or exit 0; wait; die "x"'

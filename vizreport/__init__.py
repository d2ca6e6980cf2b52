"""Reports on heap traces recorded by vizzytrace."""

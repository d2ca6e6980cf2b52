"""The figures of a call tree whose nodes findings name, in this order: the metrics of the command line."""

PEAK, LEAKED, ALLOCATED, COUNT, TEMPORARY = range(5)

"""DWARF 2 to 5, read lazily: only what holds the addresses that are asked for."""

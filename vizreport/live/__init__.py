"""The live view: what a trace holds so far, in a browser, while it arrives or is played."""

"""Files that came from outside, read within bounds, and places to write to."""

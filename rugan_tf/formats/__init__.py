"""Files: each format's reading and writing side by side."""

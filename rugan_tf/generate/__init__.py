"""Sheets of any size from an exported generator, and the files that they are written to."""

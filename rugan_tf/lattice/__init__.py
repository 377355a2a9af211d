"""What is true of any lattice: positions, neighbours, symmetries, pieces, statistics. NumPy and SciPy alone."""

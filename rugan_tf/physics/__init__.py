"""From states to atoms and their reference energies. NumPy, SciPy and ASE alone."""

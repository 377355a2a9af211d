"""Energies of atoms in the plane, for any element. NumPy and SciPy alone."""

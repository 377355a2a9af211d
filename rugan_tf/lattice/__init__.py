"""The honeycomb lattice: geometry, states, pores, statistics. NumPy and SciPy alone."""

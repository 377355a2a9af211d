"""Densities of states of planar carbon and of any sparse Hamiltonian: all levels, or kernel polynomials."""

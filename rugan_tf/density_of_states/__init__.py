"""Densities of states of planar sheets and of any sparse Hamiltonian: all levels, or kernel polynomials."""

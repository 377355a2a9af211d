"""The Ising model on the square lattice, described by `ising.toml`: every energy is exact."""

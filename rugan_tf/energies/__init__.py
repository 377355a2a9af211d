"""Energies by name, behind one door: states in, energies out."""

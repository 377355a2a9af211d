"""Data sets: sheets drawn or brought, their energies, storage, and the pipeline to training."""

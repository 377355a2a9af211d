"""Training: losses, the RUGAN model, its loop, checkpoints, run folders."""

"""Training: losses, the RUGAN model, callbacks, checkpoints, runs."""

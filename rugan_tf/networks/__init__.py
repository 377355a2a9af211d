"""Periodic convolutional networks of any lattice size. Keras alone."""

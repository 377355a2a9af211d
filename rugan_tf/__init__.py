"""RUGAN in Keras 3 and TensorFlow: mesoscale configurations from small ones, at a requested energy per area."""

__version__ = "0.1.0"

"""Export of a trained generator as a SavedModel for TensorFlow Serving and for every other command."""

"""An embedded server of the TensorFlow Serving protocol, for development, tests and laptops, and a client."""

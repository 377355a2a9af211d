"""The door of `rugan_tf.serve.client`: what it does is there."""

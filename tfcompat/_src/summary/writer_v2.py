"""TF2's tf.summary: values are written at once to the default writer."""

"""tf.contrib.layers: the part that tutorials used."""

"""Small pictures, resized, flipped, turned and recoloured at random: the same ones in every run, since the seeds are set."""

import numpy as np
import tensorflow as tf

tf.set_random_seed(7)
rows, columns = np.mgrid[0:6, 0:8]
picture = np.stack([rows * 40, columns * 30, 255 - rows * columns * 6], axis=-1).astype(np.uint8)

image = tf.placeholder(tf.uint8, [None, None, 3])
floats = tf.image.convert_image_dtype(image, tf.float32)
larger = tf.image.resize_images(floats, [12, 16])
piece = tf.random_crop(larger, [8, 8, 3], seed=1)
piece = tf.image.random_flip_left_right(piece, seed=2)
piece = tf.image.random_brightness(piece, 0.2, seed=3)
piece = tf.image.random_contrast(piece, 0.5, 1.5, seed=4)
piece = tf.image.random_saturation(piece, 0.5, 1.5, seed=5)
turned = tf.image.rot90(piece)
grey = tf.image.rgb_to_grayscale(turned)

with tf.Session() as sess:
    for _ in range(3):
        a, b = sess.run([turned, grey], {image: picture})
        print("colours %.4f %.4f %.4f" % tuple(a.mean(axis=(0, 1))), "corner %.4f" % b[0, 0, 0], a.shape, b.shape)
    png = sess.run(tf.image.encode_png(image), {image: picture})
    same = sess.run(tf.image.decode_png(png), {image: picture})
    print("png", png[1:4].decode(), np.array_equal(same, picture))

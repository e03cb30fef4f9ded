"""tensorflow.examples.tutorials.mnist: the handwritten digits, and the network of the first tutorials."""

from tfcompat.examples.tutorials.mnist import input_data as input_data
from tfcompat.examples.tutorials.mnist import mnist as mnist

"""tensorflow.examples.tutorials."""

from tfcompat.examples.tutorials import mnist as mnist

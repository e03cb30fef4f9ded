"""tensorflow.examples: what tutorials import from it."""

from tfcompat.examples import tutorials as tutorials

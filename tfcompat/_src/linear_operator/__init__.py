"""tf.linalg.LinearOperator and its classes."""

from . import algebra, base, blocks, circulant, compose, dense, dispatch, identity, wrappers

__all__ = ["algebra", "base", "blocks", "circulant", "compose", "dense", "dispatch", "identity", "wrappers"]

"""TF1's input pipelines: queues, readers, the producers and batches made of them, and the threads that run them."""

from . import input, ops, readers, runners  # noqa: F401 - for their declarations

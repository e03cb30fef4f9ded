"""Graphs as protocol buffers: GraphDef, NodeDef and MetaGraphDef messages, written, read and worked on."""

from . import freeze, gradient_ops, importer, messages, meta_graph  # noqa: F401 - for their declarations

"""A graph's collections: the library's names for them, and which graph has those of a function being traced."""

from __future__ import annotations

from .declare import export
from .graph import _process, context, current_graph


@export("", v1="GraphKeys")
class GraphKeys:
    """The names of the collections that the library itself fills or reads."""

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    METRIC_VARIABLES = "metric_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    SUMMARIES = "summaries"
    QUEUE_RUNNERS = "queue_runners"
    TABLE_INITIALIZERS = "table_initializer"
    ASSET_FILEPATHS = "asset_filepaths"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    REGULARIZATION_LOSSES = "regularization_losses"
    CONCATENATED_VARIABLES = "concatenated_variables"
    SAVERS = "savers"
    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"
    UPDATE_OPS = "update_ops"
    LOSSES = "losses"
    SAVEABLE_OBJECTS = "saveable_objects"
    RESOURCES = "resources"
    LOCAL_RESOURCES = "local_resources"
    TRAINABLE_RESOURCE_VARIABLES = "trainable_resource_variables"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    READY_FOR_LOCAL_INIT_OP = "ready_for_local_init_op"
    SUMMARY_OP = "summary_op"
    GLOBAL_STEP = "global_step"
    EVAL_STEP = "eval_step"
    TRAIN_OP = "train_op"
    COND_CONTEXT = "cond_context"
    WHILE_CONTEXT = "while_context"
    VARIABLES = "variables"
    _SUMMARY_COLLECTION = "_SUMMARY_V2"
    _STREAMING_MODEL_PORTS = "streaming_model_ports"
    _VARIABLE_COLLECTIONS = [
        GLOBAL_VARIABLES, LOCAL_VARIABLES, METRIC_VARIABLES, MODEL_VARIABLES, TRAINABLE_VARIABLES,
        MOVING_AVERAGE_VARIABLES,
        CONCATENATED_VARIABLES, TRAINABLE_RESOURCE_VARIABLES,
    ]  # fmt: skip


_SHARED = {GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES}


def root_graph():
    """The graph that owns the variables: the current one, or the one a function being traced belongs to; eagerly the
    default one.
    """
    graph = context.graph
    while graph is not None and graph.building_function:
        graph = graph.outer_graph
    return graph if graph is not None else _process.default_graph()


def _collector(key):
    """The graph that has the collection `key`: functions share the collections of variables with the graph they
    belong to.
    """
    return root_graph() if key in _SHARED else current_graph()


@export("", v1="add_to_collection")
def add_to_collection(name, value):
    """Adds `value` to a collection of the default graph."""
    _collector(name).add_to_collection(name, value)


@export("", v1="add_to_collections")
def add_to_collections(names, value):
    """Adds `value` to each of the collections `names` of the default graph."""
    for name in (names,) if isinstance(names, str) else dict.fromkeys(names):
        _collector(name).add_to_collection(name, value)


@export("", v1="get_collection")
def get_collection(key, scope=None):
    """The items of a collection of the default graph whose names begin with the pattern `scope`."""
    return _collector(key).get_collection(key, scope)


@export("", v1="get_collection_ref")
def get_collection_ref(key):
    """A collection of the default graph itself: changing the list changes the collection."""
    return _collector(key).get_collection_ref(key)

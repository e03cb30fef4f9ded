"""TensorFlow 1 or 2: which of the two a script was written for, from the names it uses."""

from dataclasses import dataclass

from tfcompat.launch import names

# What a graph-mode program cannot do without; one of these outweighs a handful of names that only TF2 has.
_GRAPH = {
    "Session", "InteractiveSession", "placeholder", "placeholder_with_default", "global_variables_initializer",
    "initialize_all_variables", "get_variable", "reset_default_graph", "variable_scope", "ConfigProto", "app.run",
    "train.Saver", "train.MonitoredTrainingSession", "train.MonitoredSession", "train.Supervisor", "set_random_seed",
    "enable_eager_execution", "layers.dense", "layers.conv2d", "losses.get_total_loss",
}  # fmt: skip
# What TF1 had too, but only programs written for eager execution use.
_EAGER = {
    "GradientTape", "function", "Module", "config.list_physical_devices", "config.run_functions_eagerly",
    "summary.create_file_writer", "random.set_seed", "data.AUTOTUNE", "executing_eagerly",
}  # fmt: skip
# Keyword arguments that exist in one of the two signatures.
_KEYWORDS_1 = {
    "keep_prob", "reduction_indices", "keep_dims", "dimension", "squeeze_dims", "concat_dim", "split_dim", "ref",
    "allow_smaller_final_batch", "log_device_placement", "seq_dim", "batch_dim",
}  # fmt: skip
_METHODS_1 = {"make_one_shot_iterator", "make_initializable_iterator"}
_GRAPH_SWITCHES = {"disable_eager_execution", "disable_v2_behavior"}


@dataclass
class Choice:
    """api is "v1" or "v2"; mode is how it starts, "graph mode" or "eager"."""

    api: str
    mode: str


def choose(usages):
    """Choice for a program given as the Usage of each of its modules; no TensorFlow at all means TF2."""
    points = {"v1": 0, "v2": 0}
    only2 = enables_eager = compat = compat_graph = False
    switches = set()
    for usage in usages:
        compat = compat or "compat.v1" in usage.imports
        for path in list(usage.paths) + list(usage.imports):
            version, path = _split(path)
            switches |= {path} & _GRAPH_SWITCHES
            if version == "":
                api, weight = _weigh(path)
                points[api] += weight
                only2 = only2 or (api, weight) == ("v2", 2)
                enables_eager = enables_eager or path == "enable_eager_execution"
            elif version == "v1":
                compat_graph = compat_graph or path in _GRAPH
        for path, keyword in usage.keywords:
            if keyword in _KEYWORDS_1 and not path.startswith("compat."):
                points["v1"] += 3
        points["v1"] += 2 * len(usage.methods & _METHODS_1)
        points["v2"] += 2 * ("numpy" in usage.methods)
    api = "v1" if points["v1"] > points["v2"] or (enables_eager and not only2) else "v2"
    if compat and points["v2"] < 2 and (switches or compat_graph):
        # import tensorflow.compat.v1 as tf: TensorFlow 1 code, unless it stays eager and uses nothing of a graph
        api = "v1"
    graph = not enables_eager if api == "v1" else bool(switches)
    return Choice(api, "graph mode" if graph else "eager")


def _split(path):
    """(face, rest) of compat.v1.Session: ("v1", "Session"); of Session: ("", "Session")."""
    for version in ("v1", "v2"):
        prefix = f"compat.{version}."
        if path.startswith(prefix):
            rest = path[len(prefix) :]
            return (version, rest) if not rest.startswith("compat.") else _split(rest)
    return "", path


def _weigh(path):
    """(face, points) for one name used as tf.NAME."""
    flag, known = names.flag_of(path)
    if known in _GRAPH or (flag == "-" and known.startswith(("contrib", "layers", "examples"))):
        return "v1", 5
    if known in _EAGER:
        return "v2", 3
    if flag in ("1", "-"):
        return "v1", 2
    if flag == "2":
        return "v2", 2
    return "v2", 0.5 if path.startswith("keras.") else 0

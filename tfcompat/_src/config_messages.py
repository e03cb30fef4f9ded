"""The settings messages of a session (ConfigProto, RunOptions, ...), as plain Python objects with TensorFlow's fields."""

from __future__ import annotations

from .declare import publish


class _Options:
    """A settings message of TensorFlow's (ConfigProto, GPUOptions, ...): takes and keeps any field; none changes a result here."""

    _nested: tuple = ()
    _fields: tuple = ()

    def __init__(self, **fields):
        for k in self._nested:
            self.__dict__[k] = _NESTED[k]()
        for k, v in fields.items():
            setattr(self, k, v)

    def __setattr__(self, name, value):
        if name not in self._fields and name not in self._nested:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        self.__dict__[name] = value

    def __getattr__(self, name):
        if name in type(self)._fields:
            default = _LISTS.get(name)
            value = default() if default else 0
            self.__dict__[name] = value
            return value
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def CopyFrom(self, other):
        self.__dict__.clear()
        self.__dict__.update(other.__dict__)

    def __repr__(self):
        return "\n".join(f"{k}: {v}" for k, v in self.__dict__.items() if not isinstance(v, _Options))


class _Pools(list):
    """A repeated field: `add()` appends an empty message and returns it."""

    def add(self, **fields):
        self.append(_Anything(**fields))
        return self[-1]


_LISTS = {
    "device_count": dict, "device_filters": list, "session_inter_op_thread_pool": _Pools, "partition_graphs": list,
    "function_graphs": list, "feed": list, "fetch": list, "target": list,
}  # fmt: skip


class GPUOptions(_Options):
    """tf.GPUOptions."""

    _fields = (
        "per_process_gpu_memory_fraction", "allow_growth", "allocator_type", "deferred_deletion_bytes", "visible_device_list",
        "polling_active_delay_usecs", "polling_inactive_delay_msecs", "force_gpu_compatible", "experimental",
    )  # fmt: skip


class OptimizerOptions(_Options):
    """tf.OptimizerOptions."""

    _fields = ("do_common_subexpression_elimination", "do_constant_folding", "max_folded_constant_in_bytes", "do_function_inlining",
               "opt_level", "global_jit_level", "cpu_global_jit")  # fmt: skip
    L0, L1, ON_1, ON_2, OFF, DEFAULT = -1, 0, 1, 2, -1, 0


class GraphOptions(_Options):
    """tf.GraphOptions."""

    _nested = ("optimizer_options", "rewrite_options")
    _fields = ("enable_recv_scheduling", "build_cost_model", "build_cost_model_after", "infer_shapes", "place_pruned_graph",
               "enable_bfloat16_sendrecv", "timeline_step")  # fmt: skip


class RewriterConfig(_Options):
    """The grappler settings of a graph."""

    _fields = ("layout_optimizer", "constant_folding", "shape_optimization", "remapping", "arithmetic_optimization", "memory_optimization",
               "dependency_optimization", "loop_optimization", "function_optimization", "disable_model_pruning", "auto_mixed_precision",
               "disable_meta_optimizer", "min_graph_nodes")  # fmt: skip
    DEFAULT, ON, OFF = 0, 1, 2


class ConfigProto(_Options):
    """tf.ConfigProto: accepted in full; devices and threads are JAX's to choose."""

    _nested = ("gpu_options", "graph_options", "experimental", "rpc_options", "cluster_def")
    _fields = (
        "device_count", "intra_op_parallelism_threads", "inter_op_parallelism_threads", "use_per_session_threads",
        "session_inter_op_thread_pool", "placement_period", "device_filters", "allow_soft_placement", "log_device_placement",
        "operation_timeout_in_ms", "isolate_session_state", "share_cluster_devices_in_session",
    )  # fmt: skip


class _Anything(_Options):
    def __setattr__(self, name, value):
        self.__dict__[name] = value


_NESTED = {"gpu_options": GPUOptions, "graph_options": GraphOptions, "optimizer_options": OptimizerOptions,
           "rewrite_options": RewriterConfig, "experimental": _Anything, "rpc_options": _Anything, "cluster_def": _Anything}  # fmt: skip


class RunOptions(_Options):
    """tf.RunOptions: accepted; tracing gives an empty RunMetadata."""

    _fields = ("trace_level", "timeout_in_ms", "inter_op_thread_pool", "output_partition_graphs", "debug_options",
               "report_tensor_allocations_upon_oom", "experimental")  # fmt: skip
    NO_TRACE, SOFTWARE_TRACE, HARDWARE_TRACE, FULL_TRACE = 0, 1, 2, 3


class StepStats:
    """What a traced run noted: per device, when which operation ran."""

    def __init__(self):
        self.dev_stats = []


class RunMetadata(_Options):
    """tf.RunMetadata: filled by Session.run as far as RunOptions ask for it."""

    _fields = ("cost_graph", "partition_graphs", "function_graphs", "step_stats")

    def __init__(self, **fields):
        super().__init__(**fields)
        self.__dict__.setdefault("step_stats", StepStats())

    def HasField(self, name):
        """Whether the last run noted `name`."""
        if name == "step_stats":
            return bool(self.step_stats.dev_stats)
        return bool(self.__dict__.get(name))

    def note(self, graph, options, started, ended):
        """Notes a run of `graph` between two times (seconds): XLA runs it as one program, so the device has one entry."""
        self.__dict__["step_stats"] = StepStats()
        if options is not None and options.trace_level:
            node = _Anything(
                node_name="compiled program",
                all_start_micros=int(started * 1e6),
                all_end_rel_micros=int((ended - started) * 1e6),
            )
            device = _Anything(device="/job:localhost/replica:0/task:0/device:CPU:0", node_stats=[node])
            self.step_stats.dev_stats.append(device)
        self.__dict__["partition_graphs"] = [graph] if options is not None and options.output_partition_graphs else []


for _thing in (ConfigProto, GPUOptions, GraphOptions, OptimizerOptions, RunOptions, RunMetadata):
    publish(_thing, "", v1=_thing.__name__)

"""Clusters of one process: ClusterSpec, Server, replica_device_setter."""

from __future__ import annotations

import itertools
import threading

from ..declare import export
from ..device_scopes import merge_devices as merged
from ..device_scopes import parse_device
from ..session import SERVERS

_ports = itertools.count(2222)
_PS_OPS = ("Variable", "VariableV2", "AutoReloadVariable", "MutableHashTable", "MutableHashTableV2", "MutableHashTableOfTensors",
           "MutableHashTableOfTensorsV2", "MutableDenseHashTable", "MutableDenseHashTableV2", "VarHandleOp",
           "BoostedTreesEnsembleResourceHandleOp", "BoostedTreesQuantileStreamResourceHandleOp", "ResourceConditionalAccumulator",
           "DecisionTreeResource")  # fmt: skip


@export("train.ClusterSpec")
class ClusterSpec:
    """The tasks of a cluster: {job: [address, ...]} or {job: {number: address}}.  TypeError for anything else."""

    def __init__(self, cluster):
        if isinstance(cluster, ClusterSpec):
            cluster = cluster.as_dict()
        if not isinstance(cluster, dict):
            raise TypeError(
                "`cluster` must be a dictionary mapping one or more job names to lists of network addresses, or a `ClusterDef` "
                "protocol buffer"
            )
        self._jobs = {}
        for job, tasks in cluster.items():
            if isinstance(tasks, (list, tuple)):
                tasks = dict(enumerate(tasks))
            elif not isinstance(tasks, dict):
                raise TypeError(f"The tasks for job {job!r} must be a list or a dictionary from integers to strings.")
            for number, address in tasks.items():
                if not isinstance(number, int) or not isinstance(address, (str, bytes)):
                    raise TypeError(
                        f"Task address must be bytes or unicode string, got {address!r} for task {number!r}"
                    )
            self._jobs[job] = {n: a.decode() if isinstance(a, bytes) else a for n, a in tasks.items()}

    def __bool__(self):
        return bool(self._jobs)

    def __eq__(self, other):
        return isinstance(other, ClusterSpec) and self._jobs == other._jobs

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    def __repr__(self):
        return f"ClusterSpec({', '.join([f'{k!r}: {self.as_dict()[k]!r}' for k in sorted(self._jobs)])})"

    jobs = property(lambda self: list(self._jobs), doc="The names of the jobs.")

    def _job(self, name):
        if name not in self._jobs:
            raise ValueError(f"No such job in cluster: {name!r}")
        return self._jobs[name]

    def num_tasks(self, job_name):
        """How many tasks a job has."""
        return len(self._job(job_name))

    def task_indices(self, job_name):
        """The numbers of a job's tasks, in order."""
        return sorted(self._job(job_name))

    def task_address(self, job_name, task_index):
        """The address of a task.  ValueError for one that is not there."""
        tasks = self._job(job_name)
        if task_index not in tasks:
            raise ValueError(f"No task with index {task_index!r} in job {job_name!r}")
        return tasks[task_index]

    def job_tasks(self, job_name):
        """The addresses of a job's tasks by number, None where there is none."""
        tasks = self._job(job_name)
        return [tasks.get(n) for n in range(max(tasks) + 1)] if tasks else []

    def as_dict(self):
        """{job: [address, ...]}, or {job: {number: address}} where numbers are left out."""
        return {
            job: [tasks[n] for n in range(len(tasks))] if sorted(tasks) == list(range(len(tasks))) else dict(tasks)
            for job, tasks in self._jobs.items()
        }


class _State:
    """What the sessions of a server share: the variables and resources of each graph."""

    def __init__(self):
        self.graphs = {}

    def of(self, graph):
        """(values of variables, resources, lock) of a graph."""
        return self.graphs.setdefault(id(graph), (graph, {}, {}, threading.RLock()))[1:]


@export("", v1="train.Server")
class Server:
    """The server of a cluster of one task, which is this process: sessions with its target share their variables.

    Raises ValueError for a task that is not in the cluster, NotImplementedError for a cluster of several.
    """

    def __init__(self, server_or_cluster_def, job_name=None, task_index=None, protocol=None, config=None, start=True):
        spec = ClusterSpec(server_or_cluster_def)
        jobs = spec.jobs
        if job_name is None:
            if len(jobs) != 1:
                raise ValueError("Must specify an explicit job name if the cluster has more than one job.")
            job_name = jobs[0]
        indices = spec.task_indices(job_name)
        if task_index is None:
            if len(indices) != 1:
                raise ValueError("Must specify an explicit task index.")
            task_index = indices[0]
        spec.task_address(job_name, task_index)
        if sum(spec.num_tasks(j) for j in jobs) > 1:
            raise NotImplementedError(
                f"tf.train.Server: a cluster of several tasks, {spec!r}, is not supported by tfcompat, which runs in one process: "
                "use a cluster of one task, or jax.distributed."
            )
        self._spec, self._job, self._task = spec, job_name, task_index
        port = spec.task_address(job_name, task_index).rpartition(":")[2]
        port = next(_ports) if port in ("", "0") else port
        self._target = f"{protocol or 'grpc'}://localhost:{port}"
        if start:
            self.start()

    target = property(lambda self: self._target, doc="The target for sessions.")

    def start(self):
        """Lets sessions use the target."""
        SERVERS.setdefault(self._target, _State())

    def join(self):
        """Waits for ever, as a server does that others use.  NotImplementedError: nobody can use this one while it waits."""
        raise NotImplementedError(
            "tf.train.Server.join: the server of a cluster of one task is this process; nobody else can reach it."
        )

    @staticmethod
    def create_local_server(config=None, start=True):
        """The server of a cluster that is this process."""
        return Server({"localhost": ["localhost:0"]}, protocol="grpc", config=config, start=start)


# -- devices ----------------------------------------------------------------------------------------------------------
class _RoundRobin:
    def __init__(self, tasks):
        self._tasks, self._next = tasks, 0

    def __call__(self, op):
        task = self._next
        self._next = (self._next + 1) % self._tasks
        return task


@export("", v1="train.replica_device_setter")
def replica_device_setter(ps_tasks=0, ps_device="/job:ps", worker_device="/job:worker", merge_devices=True, cluster=None,
                          ps_ops=None, ps_strategy=None):  # fmt: skip
    """A device function that puts variables on the `ps_tasks` in turn and the rest on the worker; None without ps tasks."""
    if cluster is not None:
        cluster = cluster if isinstance(cluster, ClusterSpec) else ClusterSpec(cluster)
        job = parse_device(ps_device).get("job")
        if job not in cluster.jobs or cluster.num_tasks(job) == 0:
            return None
        ps_tasks = cluster.num_tasks(job)
    if ps_tasks == 0:
        return None
    if ps_strategy is None:
        ps_strategy = _RoundRobin(ps_tasks)
    if not callable(ps_strategy):
        raise TypeError("ps_strategy must be callable")
    ps_ops = _PS_OPS if ps_ops is None else ps_ops

    def choose(op):
        if not merge_devices and op.device:
            return op.device
        current = op.device or ""
        if not ps_device or op.type not in ps_ops:
            return merged(worker_device or "", current)
        job = parse_device(current).get("job")
        device = ps_device
        if job is None or job == parse_device(ps_device).get("job"):
            device = merged(ps_device, f"/task:{ps_strategy(op)}")
        return merged(device, current)

    return choose

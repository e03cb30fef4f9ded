"""What Checkpoint.restore returns: it says how well the checkpoint and the objects fit together."""

from __future__ import annotations

from ..graph import context
from . import object_graph
from .containers import TrackableDataStructure
from .object_graph import View
from .restoration import check, set_uid, uid_of
from .trackable import attributes_of, is_variable

_NOTHING = "No checkpoint specified (save_path=None); nothing is being restored."


def session_for(session, doing="saving or restoring"):
    """The session given or the default one; RuntimeError without one."""
    from ..session import get_default_session
    from .saver import _session

    session = session if session is not None else get_default_session()
    if session is None:
        raise RuntimeError(
            f"When graph building, {doing} a tf.train.Checkpoint needs a session: please create a session (with "
            f"tf.compat.v1.Session() as sess: ...) or pass `session=`."
        )
    return _session(session)


def in_session():
    """Whether a Session's graph is being built."""
    graph = context.graph
    return graph is not None and not graph.building_function


class LoadStatus:
    """Base of the statuses; `view` are the objects restored into."""

    def __init__(self, view):
        self._root, self._attached = view.root, view.attached

    def _objects(self):
        return View(self._root, self._attached).objects

    def _initialize(self, session, done):
        """Runs the initializers of the variables that `done` does not hold for."""
        waiting = [
            v.initializer for v in self._objects() if is_variable(v) and v._owner._kind != "eager" and not done(v)
        ]
        session.run(waiting)

    def assert_nontrivial_match(self):
        """AssertionError where nothing but the root was found."""
        raise AssertionError(_NOTHING)

    def expect_partial(self):
        """No warnings about values that were not restored; returns the status."""
        return self


class CheckpointLoadStatus(LoadStatus):
    """The status of an object-based checkpoint."""

    def __init__(self, restoration, view):
        super().__init__(view)
        self._restoration = restoration

    def assert_consumed(self):
        """AssertionError where the checkpoint holds a value that no object took, or an object found no value."""
        r = self._restoration
        self.assert_existing_objects_matched()
        paths = object_graph.paths_of(r.nodes)
        skipped = {slot for node in r.nodes for _, _, slot in node.slots} if r.skip_slots else ()
        for number, node in enumerate(r.nodes):
            if node.attributes and number not in skipped and r.object(number) is None:
                raise AssertionError(f"Unresolved object in checkpoint {paths.get(number)}: {node.attributes}")
        if not r.skip_slots and r._slots_of:
            raise AssertionError(f"Unresolved slot restorations: {r._slots_of}")
        if r.unused:
            rows = [f"{paths[n]} ({r.object(n)}): {names}" for n, names in r.unused.items()]
            raise AssertionError(
                "Unused attributes in these objects (the attributes exist in the checkpoint but were not restored):\n"
                + "\n".join(rows)
            )
        return self

    def assert_existing_objects_matched(self):
        """AssertionError where an object that exists found no value in the checkpoint."""
        r = self._restoration
        for number, node in enumerate(r.nodes):
            thing = r.object(number)
            if thing is not None and uid_of(thing) < r.uid:
                raise AssertionError(f"Object {node.attributes} ({thing}) not assigned a value from checkpoint.")
        unused = self._unmatched()
        if unused:
            raise AssertionError(
                f"Found {len(unused)} Python objects that were not bound to checkpointed values, likely due to changes "
                f"in the Python program. Showing {min(10, len(unused))} of {len(unused)} unmatched objects: "
                f"{unused[:10]}"
            )
        return self

    def _unmatched(self):
        r = self._restoration
        bound = {id(r.object(n)) for n in r.objects}
        view = View(self._root, self._attached)
        objects = view.objects[: view.reached] if r.skip_slots else view.objects
        return [
            thing
            for thing in objects
            if not isinstance(thing, TrackableDataStructure) and attributes_of(thing) and id(thing) not in bound
        ]

    def assert_nontrivial_match(self):
        """AssertionError where nothing but the root was found in the checkpoint."""
        if len(self._restoration.objects) <= 1:
            unmatched = self._unmatched()
            if unmatched:
                raise AssertionError(
                    "Nothing except the root object matched a checkpointed value. Typically this means that the "
                    "checkpoint does not match the Python program. The following objects have no matching "
                    f"checkpointed value: {unmatched}"
                )
            raise AssertionError(f"Nothing to load. No dependencies have been added to {self._root} yet.")
        return self

    def run_restore_ops(self, session=None):
        """Gives the variables of a graph their values in `session`; eagerly they have them already."""
        if in_session():
            self._restoration.run(session_for(session))

    def initialize_or_restore(self, session=None):
        """The same, and initializes the variables that the checkpoint has no values for."""
        if not in_session():
            return
        session = session_for(session)
        bound = {id(self._restoration.object(n)) for n in self._restoration.objects}
        uid = self._restoration.uid
        self._initialize(session, lambda v: id(v) in bound or uid_of(v._owner) >= uid)
        self.run_restore_ops(session)

    def expect_partial(self):
        """No warnings about values that were not restored; returns the status."""
        self._restoration.partial = True
        return self


class InitializationOnlyStatus(LoadStatus):
    """The status of restore(None): there is nothing to restore, only to initialize."""

    def assert_consumed(self):
        """AssertionError."""
        raise AssertionError(_NOTHING)

    assert_existing_objects_matched = assert_consumed

    def run_restore_ops(self, session=None):
        """AssertionError."""
        raise AssertionError(
            "No checkpoint specified, so no restore ops are available (save_path=None to Saver.restore)."
        )

    def initialize_or_restore(self, session=None):
        """Runs the initializers of a graph's variables."""
        if in_session():
            self._initialize(session_for(session), lambda v: False)


class ByName:
    """A checkpoint of tf.train.Saver on its way into trackable objects: variables take values by their names."""

    def __init__(self, bundle, uid):
        self.bundle, self.uid = bundle, uid
        self.pending: list = []
        self.unused: list = []

    def restore(self, thing):
        """Gives `thing`, if it is a variable the checkpoint knows, its value."""
        if uid_of(thing) >= self.uid:
            return
        set_uid(thing, self.uid)
        if not is_variable(thing):
            thing.__dict__.setdefault("_by_name", []).append(self)
            return
        variable = thing._owner
        key = variable._shared_name
        if key not in self.bundle.entries:
            self.unused.append(thing)
            return
        value = self.bundle.read(key)
        check(variable, key, value)
        if variable._kind == "eager":
            variable.assign(value)
        else:
            self.pending.append((variable, value))


class NameBasedSaverStatus(LoadStatus):
    """The status of a checkpoint of tf.train.Saver."""

    def __init__(self, by_name, view):
        super().__init__(view)
        self._by_name, self._optional = by_name, []
        self._restore()

    def _restore(self):
        for thing in self._objects():
            self._by_name.restore(thing)

    def add_to_optionally_restored(self, var):
        """`var` may be missing in the checkpoint."""
        self._optional.append(var)

    def assert_consumed(self):
        """AssertionError where a variable is not in the checkpoint."""
        missing = [v for v in self._by_name.unused if not any(v is o for o in self._optional)]
        if missing:
            raise AssertionError(
                "Some objects had attributes which were not restored: "
                + "".join([f"\n    {v}: [{v._owner._shared_name!r}]" for v in missing])
            )
        for thing in self._objects():
            if uid_of(thing) < self._by_name.uid:
                raise AssertionError(f"Object not restored: {thing}")
        return self

    assert_existing_objects_matched = assert_nontrivial_match = assert_consumed

    def run_restore_ops(self, session=None):
        """Gives the variables of a graph their values in `session`."""
        if not in_session():
            return
        session = session_for(session)
        self._restore()
        for variable, value in self._by_name.pending:
            session._state[variable] = value

    initialize_or_restore = run_restore_ops

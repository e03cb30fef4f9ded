"""tf.train.SessionManager and Scaffold: a session with its variables initialised or restored."""

from __future__ import annotations

import time

import numpy as np

from .. import errors
from ..declare import NAMES, export
from ..graph import current_graph
from ..graph_collections import GraphKeys
from ..platform import log as logging
from ..session import Session


def _v1(name):
    return NAMES["v1"][name]


@export("", v1="train.SessionManager")
class SessionManager:
    """Makes sessions: restores a checkpoint or runs what initialises, and looks whether all is ready."""

    def __init__(self, local_init_op=None, ready_op=None, ready_for_local_init_op=None, graph=None, recovery_wait_secs=30,
                 local_init_run_options=None, local_init_feed_dict=None):  # fmt: skip
        self._local_init_op, self._ready_op, self._ready_for_local_init_op = (
            local_init_op,
            ready_op,
            ready_for_local_init_op,
        )
        self._graph = current_graph() if graph is None else graph
        self._recovery_wait_secs, self._options = recovery_wait_secs, local_init_run_options
        self._local_init_feed_dict = local_init_feed_dict
        if ready_for_local_init_op is not None and local_init_op is None:
            raise ValueError(
                "If you pass a ready_for_local_init_op you must also pass a local_init_op , ready_for_local_init_op "
                f"[{ready_for_local_init_op}]"
            )

    def _restore_checkpoint(self, master, saver, checkpoint_dir, filename, wait_for_checkpoint, max_wait_secs, config):
        """(a session, whether a checkpoint was restored)"""
        sess = Session(master, graph=self._graph, config=config)
        if checkpoint_dir and filename:
            raise ValueError("Can not provide both checkpoint_dir and checkpoint_filename_with_path.")
        if not saver or not (checkpoint_dir or filename):
            return sess, False
        if filename:
            saver.restore(sess, filename)
            return sess, True
        waited, find = 0, _v1("train.get_checkpoint_state")
        state = find(checkpoint_dir)
        while not state or not state.model_checkpoint_path:
            if not wait_for_checkpoint or waited >= max_wait_secs:
                return sess, False
            logging.info("Waiting for checkpoint to be available.")
            time.sleep(self._recovery_wait_secs)
            waited += self._recovery_wait_secs
            state = find(checkpoint_dir)
        saver.restore(sess, state.model_checkpoint_path)
        saver.recover_last_checkpoints(state.all_model_checkpoint_paths)
        return sess, True

    def prepare_session(self, master, init_op=None, saver=None, checkpoint_dir=None, checkpoint_filename_with_path=None,
                        wait_for_checkpoint=False, max_wait_secs=7200, config=None, init_feed_dict=None, init_fn=None):  # fmt: skip
        """A session that is ready: restored, or else initialised by `init_op` and `init_fn(session)`.  RuntimeError where it is not."""
        sess, restored = self._restore_checkpoint(
            master, saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint, max_wait_secs, config
        )
        if not restored:
            if init_op is None and not init_fn and self._local_init_op is None:
                raise RuntimeError("Model is not initialized and no init_op or init_fn or local_init_op was given")
            if init_op is not None:
                sess.run(init_op, feed_dict=init_feed_dict)
            if init_fn:
                init_fn(sess)
        done, message = self._try_run_local_init_op(sess)
        if not done:
            raise RuntimeError(
                f"Init operations did not make model ready for local_init.  Init op: {_name(init_op)}, init fn: {init_fn}, error: {message}"
            )
        ready, message = self._model_ready(sess)
        if not ready:
            raise RuntimeError(
                f"Init operations did not make model ready.  Init op: {_name(init_op)}, init fn: {init_fn}, local_init_op: "
                f"{_name(self._local_init_op)}, error: {message}"
            )
        return sess

    def recover_session(self, master, saver=None, checkpoint_dir=None, checkpoint_filename_with_path=None,
                        wait_for_checkpoint=False, max_wait_secs=7200, config=None):  # fmt: skip
        """(a session, whether it is ready), restored from a checkpoint where there is one."""
        sess, restored = self._restore_checkpoint(
            master, saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint, max_wait_secs, config
        )
        done, message = self._try_run_local_init_op(sess)
        if not restored:
            return sess, False
        found = checkpoint_dir or checkpoint_filename_with_path
        if not done:
            logging.info("Restoring model from %s did not make model ready for local init: %s", found, message)
            return sess, False
        ready, message = self._model_ready(sess)
        if not ready:
            logging.info("Restoring model from %s did not make model ready: %s", found, message)
            return sess, False
        logging.info("Restored model from %s", found)
        return sess, True

    def wait_for_session(self, master, config=None, max_wait_secs=float("inf")):
        """A session once it is ready; DeadlineExceededError after `max_wait_secs`."""
        target = time.time() + (float("inf") if max_wait_secs is None else max_wait_secs)
        while True:
            sess = Session(master, graph=self._graph, config=config)
            done, local_message = self._try_run_local_init_op(sess)
            ready, message = self._model_ready(sess) if done else (False, None)
            if done and ready:
                return sess
            sess.close()
            if time.time() + self._recovery_wait_secs > target:
                raise errors.DeadlineExceededError(
                    None, None, f"Session was not ready after waiting {max_wait_secs} secs."
                )
            logging.info(
                "Waiting for model to be ready.  Ready_for_local_init_op: %s, ready: %s", local_message, message
            )
            time.sleep(self._recovery_wait_secs)

    def _model_ready(self, sess):
        return _ready(self._ready_op, sess, "Model not ready")

    def _try_run_local_init_op(self, sess):
        """Runs what initialises local variables once the rest is ready; (whether it could, why not)."""
        if self._local_init_op is None:
            return True, None
        ready, message = _ready(self._ready_for_local_init_op, sess, "Model not ready for local init")
        if not ready:
            return False, message
        logging.info("Running local_init_op.")
        sess.run(self._local_init_op, feed_dict=self._local_init_feed_dict, options=self._options)
        logging.info("Done running local_init_op.")
        return True, None


def _name(op):
    return getattr(op, "name", None) if not isinstance(op, (list, tuple)) else [_name(o) for o in op]


def _ready(op, sess, message):
    """(whether `op`, the names of what is not initialised, is empty; why not)"""
    if op is None:
        return True, None
    try:
        value = sess.run(op)
    except errors.FailedPreconditionError as e:
        if "uninitialized" not in str(e):
            logging.warn("%s : error [%s]", message, str(e))
            raise
        return False, str(e)
    found = np.asarray(value)
    if value is None or found.size == 0 or found.dtype == np.int32:  # assert_variables_initialized gives a number
        return True, None
    names = ", ".join([v.decode() for v in np.asarray(value).ravel().tolist()])
    return False, "Variables not initialized: " + names


@export("", v1="train.Scaffold")
class Scaffold:
    """What a monitored session needs: operations that initialise and look, summaries, a saver; the rest is made when finalized."""

    def __init__(self, init_op=None, init_feed_dict=None, init_fn=None, ready_op=None, ready_for_local_init_op=None,
                 local_init_op=None, summary_op=None, saver=None, copy_from_scaffold=None, local_init_feed_dict=None):  # fmt: skip
        other = copy_from_scaffold
        if other is not None and not isinstance(other, Scaffold):
            raise TypeError("copy_from_scaffold is not a Scaffold instance.")

        def given(value, name):
            return value if value is not None or other is None else getattr(other, name)

        self._init_op = given(init_op, "_init_op")
        self._ready_op = given(ready_op, "_ready_op")
        self._ready_for_local_init_op = given(ready_for_local_init_op, "_ready_for_local_init_op")
        self._local_init_op = given(local_init_op, "_local_init_op")
        self._local_init_feed_dict = given(local_init_feed_dict, "_local_init_feed_dict")
        self._summary_op, self._saver = given(summary_op, "_summary_op"), given(saver, "_saver")
        self._init_feed_dict = given(init_feed_dict, "_init_feed_dict")
        own = init_fn
        inherited = other._user_init_fn if other is not None and own is None else None
        self._user_init_fn = own if own is not None else inherited
        self._init_fn = None if self._user_init_fn is None else lambda sess: self._user_init_fn(self, sess)

    init_op = property(lambda self: self._init_op)
    init_fn = property(lambda self: self._init_fn)
    init_feed_dict = property(lambda self: self._init_feed_dict)
    ready_op = property(lambda self: self._ready_op)
    ready_for_local_init_op = property(lambda self: self._ready_for_local_init_op)
    local_init_op = property(lambda self: self._local_init_op)
    local_init_feed_dict = property(lambda self: self._local_init_feed_dict)
    summary_op = property(lambda self: self._summary_op)
    saver = property(lambda self: self._saver)

    def finalize(self):
        """Makes what was not given, and finalizes the graph."""
        if self._init_op is None:
            self._init_op = Scaffold.get_or_default(
                "init_op", GraphKeys.INIT_OP, lambda: _v1("group")(_v1("global_variables_initializer")())
            )
        if self._ready_op is None:
            self._ready_op = Scaffold.get_or_default(
                "ready_op", GraphKeys.READY_OP, _v1("report_uninitialized_variables")
            )
        if self._ready_for_local_init_op is None:
            self._ready_for_local_init_op = Scaffold.get_or_default(
                "ready_for_local_init_op", GraphKeys.READY_FOR_LOCAL_INIT_OP,
                lambda: _v1("report_uninitialized_variables")(_v1("global_variables")()),
            )  # fmt: skip
        if self._local_init_op is None:
            self._local_init_op = Scaffold.get_or_default(
                "local_init_op", GraphKeys.LOCAL_INIT_OP, Scaffold.default_local_init_op
            )
        if self._summary_op is None:
            self._summary_op = Scaffold.get_or_default("summary_op", GraphKeys.SUMMARY_OP, _v1("summary.merge_all"))
        if self._saver is None:
            self._saver = _saver_or_default()
        if self._saver is not None and self._saver._parts is None:
            self._saver.build()
        current_graph().finalize()
        logging.info("Graph was finalized.")
        return self

    @staticmethod
    def get_or_default(arg_name, collection_key, default_constructor):
        """The only member of a collection, or what `default_constructor()` makes, which joins it; RuntimeError for several."""
        members = current_graph().get_collection(collection_key)
        if len(members) > 1:
            raise RuntimeError(
                f"More than one item in the collection {collection_key!r}. Please indicate which one to use by passing it to the "
                f"tf.Scaffold constructor as:  tf.Scaffold({arg_name}=item to use)"
            )
        if members:
            return members[0]
        made = default_constructor()
        if made is not None:
            current_graph().add_to_collection(collection_key, made)
        return made

    @staticmethod
    def default_local_init_op():
        """What initialises local variables and tables."""
        return _v1("group")(_v1("local_variables_initializer")(), _v1("tables_initializer")())


def _saver_or_default():
    """The graph's saver, else a new one for all that can be saved."""
    graph = current_graph()
    savers = graph.get_collection(GraphKeys.SAVERS)
    if len(savers) > 1:
        raise RuntimeError(
            f"More than one item in collection {GraphKeys.SAVERS}. Please indicate which one to use by passing it to the constructor."
        )
    if savers:
        return savers[0]
    made = _v1("train.Saver")(sharded=True, allow_empty=True)
    graph.add_to_collection(GraphKeys.SAVERS, made)
    return made

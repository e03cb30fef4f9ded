"""tf.get_variable and tf.variable_scope: variables that are found again by their names.

A graph has one store of variables by name and one current `VariableScope`, which prefixes names and supplies
defaults.  Opening a scope also opens a name scope for the operations; the name scope is made unique where the
variable scope is not.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import threading

from . import dtypes, record
from .declare import export, publish
from .graph import context
from .scopes import GraphKeys, absolute, eager_scope, get_collection, name_scope, root_graph
from .tensor import Tensor
from .variable_store import AUTO_REUSE, VariableStore
from .variables import VariableAggregation, VariableSynchronization, VariableV1

_SETTINGS = ("initializer", "regularizer", "caching_device", "partitioner", "dtype", "use_resource", "custom_getter")


@export("", v1="no_regularizer")
def no_regularizer(_):
    """A regularizer that adds no loss, to keep an outer scope's from applying."""
    return None


class EagerVariableStore:
    """Variables that tf.get_variable finds again in eager execution, inside `with store.as_default()`."""

    def __init__(self, store=None):
        if store is not None and not store._store_eager_variables:
            raise ValueError(
                "Cannot construct EagerVariableStore from a VariableStore object that does not hold eager variables."
            )
        self._store = store if store is not None else VariableStore()
        self._store._store_eager_variables = True

    @contextlib.contextmanager
    def as_default(self):
        """Uses this store inside."""
        stores = scope_store()
        before, stores.variables = stores.variables, self._store
        try:
            yield
        finally:
            stores.variables = before

    def variables(self):
        return sorted(self._store._vars.values(), key=lambda v: v.name)

    def trainable_variables(self):
        return [v for v in self.variables() if v.trainable]

    def non_trainable_variables(self):
        return [v for v in self.variables() if not v.trainable]

    def copy(self):
        """A store with new variables of the same names and values."""
        made = EagerVariableStore()
        for key, v in self._store._vars.items():
            made._store._vars[key] = VariableV1(v.read_value(), name=v._shared_name, trainable=v.trainable)
        return made


publish(EagerVariableStore, "", v1="contrib.eager.EagerVariableStore")


class _Stores(threading.local):
    """What a graph knows of variable scopes: its variables, the current scope, how often each name was opened."""

    def __init__(self, variables):
        self.variables = variables
        self.current_scope = VariableScope(False)
        self.counts: dict = {}

    def close_subscopes(self, name):
        for k in self.counts:
            if name is None or k.startswith(name + "/"):
                self.counts[k] = 0


def scope_store():
    """The current graph's `_Stores`."""
    graph = root_graph()
    if graph.variable_scope_store is None:
        graph.variable_scope_store = _Stores(VariableStore())
    return graph.variable_scope_store


@export("", v1="VariableScope")
class VariableScope:
    """A prefix for variables' names and defaults for tf.get_variable."""

    def __init__(self, reuse, name="", initializer=None, regularizer=None, caching_device=None, partitioner=None,
                 custom_getter=None,
                 name_scope="", dtype=dtypes.float32, use_resource=None, constraint=None):  # fmt: skip
        self._name, self._name_scope, self._reuse, self._constraint = name, name_scope, reuse, constraint
        self._settings = dict(
            initializer=initializer, regularizer=regularizer, caching_device=caching_device, partitioner=partitioner,
            dtype=dtype,
            use_resource=use_resource, custom_getter=custom_getter,
        )  # fmt: skip
        if context.graph is None:
            if caching_device is not None:
                raise NotImplementedError("Caching devices is not yet supported when eager execution is enabled.")
            self._reuse, self._settings["use_resource"] = AUTO_REUSE, True

    name = property(lambda self: self._name, doc="The prefix of variables' names.")
    original_name_scope = property(lambda self: self._name_scope, doc="The name scope this scope opened first.")
    reuse = property(lambda self: self._reuse, doc="True: variables are found; False: made; AUTO_REUSE: either.")
    constraint = property(lambda self: self._constraint)

    def reuse_variables(self):
        """From here on variables are found, not made."""
        self._reuse = True

    def set_initializer(self, initializer):
        """Sets the default initializer."""
        self._settings["initializer"] = initializer

    def set_regularizer(self, regularizer):
        """Sets the default regularizer."""
        self._settings["regularizer"] = regularizer

    def set_partitioner(self, partitioner):
        """Sets the default partitioner."""
        self._settings["partitioner"] = partitioner

    def set_custom_getter(self, custom_getter):
        """Sets the default custom_getter."""
        self._settings["custom_getter"] = custom_getter

    def set_dtype(self, dtype):
        """Sets the default dtype."""
        self._settings["dtype"] = dtype

    def set_use_resource(self, use_resource):
        if context.graph is None and not use_resource:
            raise ValueError("When eager execution is enabled, use_resource cannot be set to false.")
        self._settings["use_resource"] = use_resource

    def set_caching_device(self, caching_device):
        if context.graph is None:
            raise NotImplementedError("Caching devices are not yet supported when eager execution is enabled.")
        self._settings["caching_device"] = caching_device

    def get_collection(self, name):
        """The items of a collection whose names begin with this scope's."""
        return get_collection(name, self._name + "/" if self._name else "")

    def trainable_variables(self):
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def global_variables(self):
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)

    def local_variables(self):
        return self.get_collection(GraphKeys.LOCAL_VARIABLES)

    def get_variable(self, var_store, name, shape=None, dtype=None, initializer=None, regularizer=None, reuse=None,
                     trainable=None,
                     collections=None, caching_device=None, partitioner=None, validate_shape=True, use_resource=None,
                     custom_getter=None,
                     constraint=None, synchronization=VariableSynchronization.AUTO,
                     aggregation=VariableAggregation.NONE):  # fmt: skip
        """The variable `name` of this scope, with this scope's defaults."""
        own = self._settings
        if context.graph is None:
            reuse, use_resource = False, True
        else:
            reuse = self._reuse if reuse is None else reuse
            use_resource = own["use_resource"] if use_resource is None else use_resource
        with name_scope(None):  # names of variables do not depend on name scopes
            if dtype is not None and initializer is not None and not callable(initializer):
                given = record.convert_to_tensor(initializer).dtype.base_dtype
                if given != dtypes.as_dtype(dtype):
                    raise ValueError(
                        f"Initializer type '{given!s}' and explicit dtype '{dtypes.as_dtype(dtype)!s}' don't match."
                    )

            def default(value, key):
                return own[key] if value is None else value

            return var_store.get_variable(
                self._name + "/" + name if self._name else name, shape=shape, dtype=default(dtype, "dtype"),
                initializer=default(initializer, "initializer"), regularizer=default(regularizer, "regularizer"),
                reuse=reuse,
                trainable=trainable, collections=collections, caching_device=default(caching_device, "caching_device"),
                partitioner=default(partitioner, "partitioner"), validate_shape=validate_shape,
                use_resource=use_resource,
                custom_getter=default(custom_getter, "custom_getter"),
                constraint=self._constraint if constraint is None else constraint,
                synchronization=synchronization, aggregation=aggregation,
            )  # fmt: skip


def _add_setting(name):
    setattr(
        VariableScope, name, property(lambda self: self._settings[name], doc=f"The default {name} of tf.get_variable.")
    )


for _name in _SETTINGS:
    _add_setting(_name)


@export("", v1="get_variable_scope")
def get_variable_scope():
    """The current VariableScope."""
    return scope_store().current_scope


@export("", v1="get_variable")
def get_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=None, collections=None,
                 caching_device=None,
                 partitioner=None, validate_shape=True, use_resource=None, custom_getter=None, constraint=None,
                 synchronization=VariableSynchronization.AUTO, aggregation=VariableAggregation.NONE):  # fmt: skip
    """The variable of this name in the current variable scope: found or made, as the scope's `reuse` says (else
    ValueError).
    """
    store = scope_store()
    return store.current_scope.get_variable(
        store.variables, name, shape, dtype, initializer, regularizer, None, trainable, collections, caching_device,
        partitioner,
        validate_shape, use_resource, custom_getter, constraint, synchronization, aggregation,
    )  # fmt: skip


@export("", v1="get_local_variable")
def get_local_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=False,
                       collections=None,
                       caching_device=None, partitioner=None, validate_shape=True, use_resource=None,
                       custom_getter=None, constraint=None,
                       synchronization=VariableSynchronization.AUTO, aggregation=VariableAggregation.NONE):  # fmt: skip
    """tf.get_variable for a local variable: not trainable, in LOCAL_VARIABLES, not saved."""
    keys = [*(collections or []), GraphKeys.LOCAL_VARIABLES]
    return get_variable(name, shape, dtype, initializer, regularizer, False, keys, caching_device, partitioner,
                        validate_shape,
                        use_resource, custom_getter, constraint, synchronization, aggregation)  # fmt: skip


class PureVariableScope:
    """A variable scope without a name scope: `name_or_scope` prolongs the current scope, or is one to jump to."""

    def __init__(self, name_or_scope, reuse=None, old_name_scope=None, constraint=None, **settings):
        self._name_or_scope, self._reuse, self._old_name_scope = name_or_scope, reuse, old_name_scope
        self._constraint, self._settings = constraint, settings
        self._store = scope_store()
        self._made = None
        if isinstance(name_or_scope, VariableScope):
            self._made = self._scope(
                name_or_scope, name_or_scope.name, name_or_scope._name_scope, reuse or name_or_scope.reuse
            )

    def _scope(self, base, name, names, reuse):
        made = VariableScope(reuse, name=name, name_scope=names, constraint=self._constraint, **base._settings)
        for key, value in self._settings.items():
            if value is None:
                continue
            if key == "custom_getter" and base.custom_getter is not None:
                value = _nested_getter(value, base.custom_getter)
            getattr(made, f"set_{key}")(value)
        return made

    def __enter__(self):
        store, given = self._store, self._name_or_scope
        self._old = store.current_scope
        if isinstance(given, VariableScope):
            name, scope = given.name, self._made
            store.counts[name] = store.counts.get(name, 0) + 1
            self._old_counts = copy.copy(store.counts)
        else:
            name = f"{self._old.name}/{given}" if self._old.name else given
            names = given if self._old_name_scope is None else self._old_name_scope
            self._reuse = self._reuse or self._old.reuse  # reuse is inherited
            scope = self._scope(self._old, name, names, self._reuse)
            store.counts[name] = store.counts.get(name, 0) + 1
        self._name = name
        store.current_scope = self._last = scope
        return scope

    def __exit__(self, *exc):
        store = self._store
        if store.current_scope is not self._last:
            raise RuntimeError("Improper nesting of variable_scope.")
        if isinstance(self._name_or_scope, VariableScope):
            store.counts = self._old_counts
        else:
            store.close_subscopes(self._name)
        store.current_scope = self._old


def _nested_getter(outer, inner):
    """A custom getter that calls `outer`, whose getter is `inner`."""
    return lambda getter, *args, **kwargs: outer(functools.partial(inner, getter), *args, **kwargs)


def unique_variable_scope(prefix):
    """`prefix`, numbered where the current scope has opened a subscope of that name."""
    store = scope_store()
    name = f"{store.current_scope.name}/{prefix}" if store.current_scope.name else prefix
    if not store.counts.get(name):
        return prefix
    i = 1
    while store.counts.get(f"{name}_{i}"):
        i += 1
    return f"{prefix}_{i}"


@export("", v1="variable_scope")
class variable_scope:  # TensorFlow's name
    """`with tf.variable_scope(name_or_scope) as scope:` prefixes variables' names and opens a name scope for
    operations.
    """

    def __init__(self, name_or_scope, default_name=None, values=None, initializer=None, regularizer=None,
                 caching_device=None,
                 partitioner=None, custom_getter=None, reuse=None, dtype=None, use_resource=None, constraint=None,
                 auxiliary_name_scope=True):  # fmt: skip
        if default_name is None and name_or_scope is None:
            raise TypeError("If default_name is None then name_or_scope is required")
        if reuse is False:
            reuse = None
        if reuse is not None and reuse is not True and reuse is not AUTO_REUSE:
            raise ValueError("The reuse parameter must be True or False or None.")
        if not isinstance(auxiliary_name_scope, bool):
            raise TypeError(f"The auxiliary_name_scope must be `True` or `False`, while get {auxiliary_name_scope}")
        if name_or_scope is not None and not isinstance(name_or_scope, (VariableScope, str)):
            self._wrong = TypeError("VariableScope: name_or_scope must be a string or VariableScope.")
        else:
            self._wrong = None
        self._given, self._default, self._reuse, self._constraint = name_or_scope, default_name, reuse, constraint
        self._settings = dict(
            initializer=initializer, regularizer=regularizer, caching_device=caching_device, partitioner=partitioner,
            custom_getter=custom_getter, dtype=dtype, use_resource=use_resource,
        )  # fmt: skip
        self._auxiliary = auxiliary_name_scope
        self._graph = None
        if context.graph is not None:
            from .scopes import _graph_of_inputs

            self._graph = _graph_of_inputs([v for v in values or () if isinstance(v, Tensor)], context.graph)
        self._names = self._pure = None
        self._entered: list = []

    def __enter__(self):
        pushed = self._graph is not None and not (context.graph is not None and context.graph.building_function)
        if pushed:
            context.push(self._graph)
        names = None
        try:
            if self._pure is not None:  # entered before
                names = self._names
                if names is not None:
                    names.__enter__()
            else:
                names = self._open()
            self._names = names
            scope = self._pure.__enter__()
        except Exception:
            self._pure = None
            if pushed:
                context.pop()
            raise
        self._entered.append((pushed, names))
        return scope

    def _open(self):
        """Enters the name scope and prepares the variable scope; returns the name scope, None for the root."""
        if self._wrong is not None:
            raise self._wrong
        given = self._given
        if not self._auxiliary:
            names = name_scope(absolute(eager_scope() if context.graph is None else context.graph._name_stack))
        elif given is None:
            names = name_scope(self._default)
        else:
            inner = given if isinstance(given, str) else given.name.split("/")[-1]
            names = name_scope(inner) if inner else None
        if given is None and self._reuse:
            raise ValueError("reuse=True cannot be used without a name_or_scope")
        full = names.__enter__() if names is not None else None
        if given is None:
            pure, reuse = unique_variable_scope(self._default), None
        else:
            pure, reuse = given, self._reuse
            if isinstance(given, VariableScope):
                full = given.original_name_scope
        self._pure = PureVariableScope(
            pure, reuse, full if names is not None else None, self._constraint, **self._settings
        )
        return names

    def __exit__(self, *exc):
        pushed, names = self._entered.pop()
        try:
            self._pure.__exit__(*exc)
        finally:
            if names is not None:
                names.__exit__(*exc)
            if pushed:
                context.pop()


@export("", v1="variable_op_scope")
@contextlib.contextmanager
def variable_op_scope(values, name_or_scope, default_name=None, initializer=None, regularizer=None,
                      caching_device=None, partitioner=None,
                      custom_getter=None, reuse=None, dtype=None, use_resource=None, constraint=None):  # fmt: skip
    """tf.variable_scope with the argument order of TF 0.x."""
    with variable_scope(name_or_scope, default_name, values, initializer, regularizer, caching_device, partitioner,
                        custom_getter, reuse,
                        dtype, use_resource, constraint) as scope:  # fmt: skip
        yield scope


__all__ = ["AUTO_REUSE", "EagerVariableStore", "VariableScope", "get_variable", "variable_scope"]

"""tf.make_template: a function whose variables are made at its first call and found again at later ones."""

from __future__ import annotations

import functools

from .declare import export
from .graph import context
from .scopes import GraphKeys, get_collection, get_collection_ref
from .train.trackable import Trackable
from .variable_scope import EagerVariableStore, PureVariableScope, scope_store, unique_variable_scope, variable_scope

_calling: list = []  # the templates being called, outermost first


class Template(Trackable):
    """A function wrapped so that tf.get_variable inside it makes variables once.

    A checkpoint holds its variables by their names within its scope and, by name, the templates called inside it.
    """

    def __init__(self, name, func, create_scope_now=False, unique_name=None, custom_getter=None):
        if name is None:
            raise ValueError("name cannot be None.")
        self._func, self._name, self._unique_name, self._custom_getter = func, name, unique_name, custom_getter
        self._scope = None
        self._called = False
        self._eager_store = None
        if context.graph is None:  # made inside another template, it shares that one's variables
            around = scope_store().variables
            self._eager_store = EagerVariableStore(around if around._store_eager_variables else None)
        if create_scope_now:
            with PureVariableScope(unique_name or unique_variable_scope(name), custom_getter=custom_getter) as scope:
                self._scope = scope

    def __call__(self, *args, **kwargs):
        caller = _calling[-1] if _calling else self
        _calling.append(self)
        try:
            if self._eager_store is not None:
                with self._eager_store.as_default():
                    return self._run(args, kwargs)
            return self._run(args, kwargs)
        finally:
            _calling.pop()
            if caller is not self and all(t is not self for t in caller._dependencies.values()):
                caller._track_trackable(self, caller._local(self.variable_scope_name or self._name), overwrite=True)
            for name, v in self._own_variables().items():
                if name not in self._dependencies:
                    self._track_trackable(v, name)

    def _own_variables(self):
        """{name within the scope: variable}, without those of templates inside."""
        inner = {id(v) for t in self._dependencies.values() if isinstance(t, Template) for v in t.variables}
        found = {}
        for v in self.variables:
            if id(v) not in inner:
                found[self._local(v.name.partition(":")[0])] = v
        return found

    def _local(self, name):
        """`name` within this template's scope."""
        return name.removeprefix(self.variable_scope_name or "").rstrip("/")

    def _run(self, args, kwargs):
        if self._scope is not None:
            with variable_scope(self._scope, reuse=self._called):
                return self._call(args, kwargs)
        with variable_scope(self._unique_name, self._name, custom_getter=self._custom_getter) as scope:
            self._scope = scope
            return self._call(args, kwargs)

    def _call(self, args, kwargs):
        if not self._called:
            result = self._func(*args, **kwargs)
            self._called = True
            return result
        before = len(get_collection_ref(GraphKeys.TRAINABLE_VARIABLES))
        result = self._func(*args, **kwargs)
        after = get_collection_ref(GraphKeys.TRAINABLE_VARIABLES)
        if len(after) != before:
            raise ValueError(
                "Trainable variable created when calling a template after the first time, perhaps you used "
                f"tf.Variable when you meant tf.get_variable: {after[before:]}"
            )
        return result

    _variables_created = property(lambda self: self._called)
    name = property(lambda self: self._name, doc="The name given to make_template.")
    func = property(lambda self: self._func, doc="The wrapped function.")
    variable_scope = property(lambda self: self._scope, doc="The template's VariableScope, None before its first call.")
    var_scope = variable_scope

    @property
    def variable_scope_name(self):
        """The prefix of the variables' names, with a slash; None before the first call."""
        if self._scope is None:
            return None
        name = self._scope.name
        return name if not name or name[-1] == "/" else name + "/"

    def _listed(self, key):
        if not self._called:
            return []
        if self._eager_store is not None:
            prefix = self.variable_scope_name or ""
            found = [v for v in self._eager_store.variables() if v.name.startswith(prefix)]
            return (
                [v for v in found if key != GraphKeys.TRAINABLE_VARIABLES or v.trainable]
                if key != GraphKeys.LOCAL_VARIABLES
                else []
            )
        return get_collection(key, self.variable_scope_name)

    global_variables = property(lambda self: self._listed(GraphKeys.GLOBAL_VARIABLES))
    local_variables = property(lambda self: self._listed(GraphKeys.LOCAL_VARIABLES))
    trainable_variables = property(lambda self: self._listed(GraphKeys.TRAINABLE_VARIABLES))
    variables = property(lambda self: self.global_variables + self.local_variables)
    weights = variables
    trainable_weights = trainable_variables

    @property
    def non_trainable_variables(self):
        """The global variables that are not trained."""
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.global_variables if id(v) not in trained]

    non_trainable_weights = non_trainable_variables


@export("", v1="make_template")
def make_template(name_, func_, create_scope_now_=False, unique_name_=None, custom_getter_=None, **kwargs):
    """`func_` as a function whose variables are shared between its calls; `kwargs` are passed to it at each call."""
    if unique_name_ is not None and context.graph is None:
        raise ValueError("unique_name_ cannot be used when eager execution is enabled.")
    if kwargs:
        func_ = functools.partial(func_, **kwargs)
    return Template(name_, func_, create_scope_now_, unique_name_, custom_getter_)

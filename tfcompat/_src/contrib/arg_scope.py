"""tf.contrib.framework.arg_scope: default arguments for the functions called inside it."""

from __future__ import annotations

import functools

from ..declare import export

_defaults: list = [{}]


def _key(function):
    return getattr(function, "_key_op", function)


@export("", v1="contrib.framework.add_arg_scope")
def add_arg_scope(function):
    """A decorator: the function's defaults may be given by `arg_scope`."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        given = _defaults[-1].get(call)
        return function(*args, **({**given, **kwargs} if given else kwargs))

    return call


@export("", v1="contrib.framework.arg_scope")
class arg_scope:  # TensorFlow's name
    """`with arg_scope([function, ...], key=value):` sets defaults; yields a scope that can be entered again."""

    def __init__(self, list_ops_or_scope, **kwargs):
        if isinstance(list_ops_or_scope, dict):
            if kwargs:
                raise ValueError("When attempting to re-use a scope by suppling a dictionary, kwargs must be empty.")
            self._scope = list_ops_or_scope
            return
        if not isinstance(list_ops_or_scope, (list, tuple)):
            raise TypeError("list_ops_or_scope must either be a list/tuple or reused scope (i.e. dict)")
        scope = dict(_defaults[-1])
        for function in list_ops_or_scope:
            scope[function] = {**scope.get(function, {}), **kwargs}
        self._scope = scope

    def __enter__(self):
        _defaults.append(self._scope)
        return self._scope

    def __exit__(self, *exc):
        _defaults.pop()

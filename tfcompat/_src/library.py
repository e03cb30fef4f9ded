"""Imports every room that declares public names, so that the faces can be filled."""

from . import basics, custom_gradient, function, ops, random_state, scopes, session, tape, type_spec, variables  # noqa: F401
from . import variable_functions, variable_scope  # noqa: E402, F401
from . import optimizers  # noqa: E402, F401

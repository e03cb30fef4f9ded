"""Imports every room that declares public names, so that the faces can be filled."""

from . import (  # noqa: F401
    basics,
    custom_gradient,
    function,
    gradient_checker,
    initializers,
    initializers_v2,
    ops,
    partitioned,
    resource_ops,
    scopes,
    session,
    tape,
    template,
    type_spec,
    variable_functions,
    variable_scope,
    variables,
)
from . import optimizers  # noqa: E402, F401
from . import layers  # noqa: E402, F401
from . import losses  # noqa: E402, F401
from . import platform, train  # noqa: E402, F401
from . import summary  # noqa: E402, F401
from . import metrics  # noqa: E402, F401
from . import rnn  # noqa: E402, F401
from . import data  # noqa: E402, F401

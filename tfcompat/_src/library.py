"""Imports every room that declares public names, so that the faces can be filled."""

from . import (  # noqa: F401  # noqa: E402, F401
    basics,
    custom_gradient,
    data,  # noqa: E402, F401
    function,
    gradient_checker,
    initializers,
    initializers_v2,
    layers,  # noqa: E402, F401
    losses,  # noqa: E402, F401
    metrics,  # noqa: E402, F401
    ops,
    optimizers,  # noqa: E402, F401
    partitioned,
    platform,
    resource_ops,
    rnn,  # noqa: E402, F401
    scopes,
    session,
    summary,  # noqa: E402, F401
    tape,
    template,
    train,
    type_spec,
    variable_functions,
    variable_scope,
    variables,
)

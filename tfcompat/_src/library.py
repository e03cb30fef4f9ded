"""Imports every room that declares public names, so that the faces can be filled."""

from . import basics, custom_gradient, function, ops, session, tape, type_spec  # noqa: F401

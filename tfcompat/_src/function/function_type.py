"""The signature of a tf.function: its parameters, what they must be or were traced with, and how a call is bound to them."""

from __future__ import annotations

import inspect

from .. import nest
from ..trace_type import CastContext, TracingContext
from ..type_spec import TypeSpec
from .value_types import VariableSpec, signature_of, type_of

_EMPTY = inspect.Parameter.empty
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class _Default:
    """Stands for a parameter's default where only the signature is shown."""

    def __repr__(self):
        return "<captured_default_value>"


_DEFAULT = _Default()


def sanitized(name):
    """`name` as a Python name: what is no letter or digit becomes '_'."""
    swapped = "".join([c if c.isalnum() else "_" for c in name])
    return swapped if swapped[:1].isalpha() else "arg_" + swapped


class FunctionType(inspect.Signature):
    """A Python signature whose annotations are TraceTypes.

    Of a Python function: a parameter has a type where an input_signature gives one, and `defaults` has the default values.
    Of a trace: every parameter has one, *args and **kwargs are taken apart, and the result has one, too.
    """

    def __init__(self, parameters=(), defaults=None, **more):
        super().__init__(parameters, **more)
        self.defaults = defaults or {}

    @classmethod
    def of_function(cls, function):
        """The signature of a Python function; (*args, **kwargs) where Python knows none."""
        try:
            found = inspect.signature(function)
        except (TypeError, ValueError):
            kinds = (("args", inspect.Parameter.VAR_POSITIONAL), ("kwargs", inspect.Parameter.VAR_KEYWORD))
            return cls([inspect.Parameter(n, k) for n, k in kinds])
        defaults = {p.name: p.default for p in found.parameters.values() if p.default is not _EMPTY}
        parameters = [
            p.replace(annotation=_EMPTY, default=_DEFAULT if p.name in defaults else _EMPTY)
            for p in found.parameters.values()
        ]
        return cls(parameters, defaults)

    def constrained(self, input_signature):
        """This signature with the types of an input_signature; TypeError where it gives too few or too many."""
        types = [type_of(s) for s in input_signature]
        starred = any(p.kind is p.VAR_POSITIONAL for p in self.parameters.values())
        made = []
        for p in self.parameters.values():
            if p.kind is p.VAR_KEYWORD:
                continue
            if p.kind is p.VAR_POSITIONAL:
                made += [
                    inspect.Parameter(f"{p.name}_{i}", p.POSITIONAL_ONLY, annotation=t) for i, t in enumerate(types)
                ]
                types = []
                continue
            if p.kind is p.KEYWORD_ONLY and p.name not in self.defaults:
                raise TypeError(
                    f"Since input_signature is defined, keyword-only parameter `{p.name}` must have a default value"
                )
            kind = p.POSITIONAL_ONLY if starred and p.kind is p.POSITIONAL_OR_KEYWORD else p.kind
            if p.name == "self":
                made.append(p.replace(kind=kind))
            elif types:
                made.append(p.replace(kind=kind, annotation=types.pop(0)))
            elif p.name in self.defaults:
                made.append(p.replace(kind=kind, annotation=type_of(self.defaults[p.name])))
            else:
                raise TypeError(f"input_signature missing type constraint for {p.name}")
        if types:
            raise TypeError(f"input_signature contains {len(types)} extra type constraints.")
        return FunctionType(made, self.defaults)

    # -- binding ------------------------------------------------------------------------------------------------------
    def bind_call(self, args, kwargs):
        """BoundArguments with defaults filled in and values cast to their types; TypeError where the call does not fit."""
        clean = {sanitized(k): v for k, v in kwargs.items()}
        if len(clean) != len(kwargs):
            raise ValueError(
                "Name collision after sanitization. Please rename tf.function input parameters. Original: "
                f"{sorted(kwargs)}, Sanitized: {sorted(clean)}"
            )
        try:
            bound = self.bind(*args, **clean)
            bound.apply_defaults()
            specs = CastContext(allow_specs=True)
            for name, value in bound.arguments.items():
                if value is _DEFAULT:
                    value = self.defaults[name]
                wanted = self.parameters[name].annotation
                bound.arguments[name] = value if wanted is _EMPTY else wanted.cast(value, specs)
        except Exception as e:
            raise TypeError(
                f"Binding inputs to tf.function failed due to `{e}`. Received args: {tuple(args)} and kwargs: {clean} for signature: "
                f"{self}."
            ) from e
        return bound

    def typed(self, bound):
        """(the FunctionType of a trace for these arguments, the TracingContext of their types)."""
        shared, made = TracingContext(), []
        starred = any(p.kind is p.VAR_POSITIONAL for p in self.parameters.values())

        def add(name, kind, value, wanted=_EMPTY):
            known = type_of(value, shared) if wanted is _EMPTY else wanted
            made.append(inspect.Parameter(name, kind, annotation=known))

        for name, value in bound.arguments.items():
            p = self.parameters[name]
            if p.kind is p.VAR_POSITIONAL:
                for i, v in enumerate(value):
                    add(f"{name}_{i}", p.POSITIONAL_ONLY, v)
            elif p.kind is p.VAR_KEYWORD:
                for k in sorted(value):
                    add(k, p.KEYWORD_ONLY, value[k])
            else:
                kind = p.POSITIONAL_ONLY if starred and p.kind is p.POSITIONAL_OR_KEYWORD else p.kind
                add(name, kind, value, p.annotation)
        return FunctionType(made), shared

    # -- of traces ----------------------------------------------------------------------------------------------------
    @property
    def types(self):
        """The types of the arguments in the order in which their tensors come: keyword-only ones sorted by name."""
        named = list(self.parameters.values())
        last = sorted([p for p in named if p.kind is p.KEYWORD_ONLY], key=lambda p: p.name)
        return [(p.name, p.annotation) for p in [*[p for p in named if p.kind is not p.KEYWORD_ONLY], *last]]

    def is_supertype_of(self, other):
        """Whether a trace of this type serves calls of type `other`."""
        mine, theirs = list(self.parameters.values()), list(other.parameters.values())
        return len(mine) == len(theirs) and all(
            a.name == b.name and a.kind is b.kind and b.annotation.is_subtype_of(a.annotation)
            for a, b in zip(mine, theirs, strict=True)
        )

    def generalized(self, other):
        """The narrowest FunctionType that serves both, or None."""
        mine, theirs = list(self.parameters.values()), list(other.parameters.values())
        if len(mine) != len(theirs):
            return None
        made = []
        for a, b in zip(mine, theirs, strict=True):
            found = a.annotation.most_specific_common_supertype([b.annotation])
            if found is None or a.name != b.name or a.kind is not b.kind:
                return None
            made.append(a.replace(annotation=found))
        return FunctionType(made)

    def placeholders(self, placeholder_context):
        """BoundArguments of what the Python function is traced with."""
        made = {}
        for name, kind in self.types:
            placeholder_context.name = name
            made[name] = kind.placeholder_value(placeholder_context)
        return inspect.BoundArguments(self, {name: made[name] for name in self.parameters})

    def to_tensors(self, bound):
        """The tensors and variables of a call, each variable once."""
        flat = [t for name, kind in self.types for t in kind.to_tensors(bound.arguments[name])]
        return _once(flat, [k for _, kind in self.types for k in kind.flatten()])

    @property
    def flat_types(self):
        """The types of what `to_tensors` gives."""
        kinds = [k for _, kind in self.types for k in kind.flatten()]
        return _once(kinds, kinds)

    def structured(self, named=None):
        """(args, kwargs) as specs and Python values, without the names of TensorSpecs, or with what `named` makes of them."""
        args, kwargs = [], {}
        for p in self.parameters.values():
            value = signature_of(p.annotation)
            value = named(value, p.name) if named else value
            if p.kind is p.KEYWORD_ONLY:
                kwargs[p.name] = value
            else:
                args.append(value)
        return tuple(args), kwargs

    def __eq__(self, other):
        return isinstance(other, FunctionType) and list(self.parameters.items()) == list(other.parameters.items())

    def __hash__(self):
        return hash(tuple([(p.name, p.annotation) for p in self.parameters.values()]))

    def described(self, captures=()):
        """All of the signature, a line for each parameter."""
        lines = ["Input Parameters:"]
        lines += [f"  {p.name} ({p.kind.name}): {p.annotation}" for p in self.parameters.values()]
        lines += ["Output Type:", f"  {self.return_annotation}", "Captures:"]
        lines += [f"  {number}: {kind}" for number, kind in captures] or ["  None"]
        return "\n".join(lines)


def _once(things, types):
    seen, out = set(), []
    for thing, kind in zip(things, types, strict=True):
        number = getattr(kind, "alias_id", None)
        if number is None or number not in seen:
            out.append(thing)
        seen.add(number)
    return out


def checked_input_signature(signature):
    """An input_signature as a tuple; TypeError where it is no list or tuple of (nests of) TensorSpecs."""
    if not isinstance(signature, (tuple, list)):
        raise TypeError(f"input_signature must be either a tuple or a list, got {type(signature)}.")
    flat = nest.flatten(list(signature))
    variables = [s for s in flat if isinstance(s, VariableSpec)]
    if variables:
        raise TypeError(f"input_signature doesn't support VariableSpec, got {variables}")
    wrong = [s for s in flat if not isinstance(s, TypeSpec)]
    if wrong:
        raise TypeError(
            "input_signature must be a possibly nested sequence of TensorSpec objects, got invalid args "
            f"{wrong} with types {[type(s) for s in wrong]}."
        )
    return tuple(signature)

"""How a ConcreteFunction is called: by the signature of the Python function, or with a tensor for each input."""

from __future__ import annotations

from .. import dtypes, errors, nest
from ..engine.dtype_checks import spoken
from ..graph import context
from ..shapes import TensorShape
from ..tensor import Tensor
from ..type_spec import TensorSpec, TypeSpec
from .function_type import sanitized
from .value_types import is_variable, type_of

_PLAIN = (int, float, bool, str, type(None), dtypes.DType, TypeSpec, TensorShape)


class UnknownArgument:
    """Stands in a structured signature for a Python object."""

    def __repr__(self):
        return "<unknown argument>"


class Callable:
    """What of a trace deals with its signature."""

    _quick = None  # dtypes and shapes of positional tensor arguments that are known to fit

    @property
    def function_type(self):
        """The FunctionType of this trace: its parameters with their types, and the type of the result."""
        found = self.function_type_
        if found is not None and found.return_annotation is found.empty:
            found = self.function_type_ = found.__class__(
                list(found.parameters.values()), return_annotation=type_of(self._typed_structure())
            )
        return found

    def _typed_structure(self):
        return nest.pack_sequence_as(self.structure, self.outputs_, expand_composites=True)

    def pretty_printed_signature(self, verbose=True):
        """The signature as text: a line for each parameter, or all in one line."""
        if not verbose:
            return str(self.function_type)
        captures = [(id(outside), type_of(outside)) for outside, _ in self.captured]
        return self.function_type.described(captures)

    def __repr__(self):
        if self.function_type_ is None:
            return f"<ConcreteFunction {self._flat_summary()} at 0x{id(self):X}>"
        return f"<ConcreteFunction {self.pretty_printed_signature(verbose=False)} at 0x{id(self):X}>"

    def __str__(self):
        return repr(self) if self.function_type_ is None else f"ConcreteFunction {self.pretty_printed_signature()}"

    # -- the two ways of calling --------------------------------------------------------------------------------------
    def __call__(self, *args, **kwargs):
        if not kwargs and self._quick:
            try:
                known = tuple([a._slot.aval for a in args]) in self._quick
            except AttributeError:  # no tensors
                known = False
            if known:
                return self.call(args)
        return self.call(self._bound(args, kwargs))

    def _bound(self, args, kwargs):
        if self.function_type_ is None:
            flat = self._flat(args, kwargs)
        else:
            try:
                flat = self.function_type_.to_tensors(self.function_type.bind_call(args, kwargs))
            except TypeError as structured:
                try:
                    flat = self._flat(args, kwargs)
                except (TypeError, ValueError) as e:
                    raise TypeError(f"{structured}\nFallback to flat signature also failed due to: {e}") from None
        if not kwargs and len(flat) == len(args) and all(map(_fits_as_it_is, flat, args, self.graph.arguments)):
            self._quick = self._quick or set()
            self._quick.add(tuple([a._slot.aval for a in flat]))
        return flat

    @property
    def _arg_keywords(self):
        """The names of the inputs one by one."""
        names, counts = [], {}
        for t in self.graph.arguments:
            name = (t.op.attributes or {}).get("_user_specified_name", b"tensor_arg").decode() or "tensor_arg"
            proposal = name
            while proposal in names:
                counts[name] = counts.get(name, 0) + 1
                proposal = f"{name}_{counts[name]}"
            names.append(proposal)
        return names

    @property
    def _num_positional_args(self):
        return len(self.graph.arguments)

    def _flat_summary(self):
        return f"{self.graph.name}({', '.join(self._arg_keywords)})"

    def _call_with_flat_signature(self, args, kwargs):
        """Calls the function with one tensor for each input; TypeError where they are too few or too many."""
        return self.call(self._flat(args, kwargs))

    def _flat(self, args, kwargs):
        names, args = self._arg_keywords, list(args)
        said = self._flat_summary()
        if len(args) > len(names):
            raise TypeError(f"{said} takes {len(names)} positional arguments, got {len(args)}.")
        kwargs = {sanitized(k): v for k, v in kwargs.items()}
        given = len(args)
        for name in names[given:]:
            if sanitized(name) not in kwargs:
                missing = sorted(set(names) - set(names[: len(args)]) - set(kwargs))
                raise TypeError(f"{said} missing required arguments: {', '.join(missing)}.")
            args.append(kwargs.pop(sanitized(name)))
        for k in kwargs:
            if k in names[:given]:
                raise TypeError(f"{said} got two values for '{k}'.")
        if kwargs:
            raise TypeError(f"{said} got unexpected keyword arguments: {', '.join(sorted(kwargs))}.")
        for i, (value, inside) in enumerate(zip(args, self.graph.arguments, strict=True)):
            if not isinstance(value, Tensor) and not is_variable(value):
                raise TypeError(
                    f"{said}: expected argument #{i}(zero-based) to be a Tensor; got {type(value).__name__} ({value})."
                )
            if inside.dtype is not dtypes.resource or not is_variable(value):
                self._check_input(i, value, inside)
        if not self.given:
            return [a if isinstance(a, Tensor) else a._dense_tensor() for a in args]
        return args

    def _check_input(self, i, value, inside):
        """Shapes are looked at in graphs only: eagerly the operations will see whether they can work with them."""
        if value.dtype.base_dtype != inside.dtype:
            raise errors.InvalidArgumentError(
                None, None,
                f"cannot compute {self.name.decode()} as input #{i}(zero-based) was expected to be a {spoken(inside.dtype)} tensor "
                f"but is a {spoken(value.dtype.base_dtype)} tensor [Op:{self.name.decode()}]",
            )  # fmt: skip
        if context.graph is not None and not inside.shape.is_compatible_with(value.shape):
            raise ValueError(
                f"Tensor {value} is not compatible with the shape this function was traced with. Expected shape {inside.shape}, but "
                f"got shape {value.shape}.\n\nIf you called get_concrete_function, you may need to pass a tf.TensorSpec(..., "
                "shape=...) with a less specific shape, having None on axes which can vary."
            )


def _fits_as_it_is(bound, given, inside):
    return bound is given and isinstance(given, Tensor) and inside.shape.is_compatible_with(given.shape)


def named_specs(structure, parameter):
    """A parameter's specs with the names that its tensors have: its own name, or that with the path inside of it."""

    def name(path, value):
        if type(value) is TensorSpec:
            return TensorSpec(value.shape, value.dtype, value.name or "_".join([parameter, *map(str, path)]))
        return value if isinstance(value, _PLAIN) else UnknownArgument()

    return nest.map_structure_with_tuple_paths(name, structure)

"""Static shapes: `TensorShape` and `Dimension` with the interfaces of TF1 and TF2, and the same work on plain tuples.

The engine keeps shapes as tuples of int or None (a dimension not known yet), or None for an unknown rank, and makes a
`TensorShape` only when the user asks for one. The functions named `..._dims` work on those tuples.
"""

import math
import operator

_v2 = True


def set_v2_tensorshape(on):
    """Choose what indexing and iterating a `TensorShape` give: int or None (True, TF2) or `Dimension` (False, TF1)."""
    global _v2
    _v2 = bool(on)


def enable_v2_tensorshape():
    """Make indexing and iterating a `TensorShape` give int or None, as in TF2."""
    set_v2_tensorshape(True)


def disable_v2_tensorshape():
    """Make indexing and iterating a `TensorShape` give `Dimension` objects, as in TF1."""
    set_v2_tensorshape(False)


def _arithmetic(compute, *, reverse=False, strict=False):
    """A method of `Dimension` that computes with two dimensions; unknown in, unknown out.

    What is no dimension makes the method answer NotImplemented, or raise if `strict`.
    """

    def method(self, other):
        try:
            other = _value_of(other)
        except (TypeError, ValueError):
            if strict:
                raise
            return NotImplemented
        if self._value is None or other is None:
            return Dimension(None)
        return Dimension(compute(other, self._value) if reverse else compute(self._value, other))

    return method


def _comparison(compare, *, strict=True):
    """A method of `Dimension` that compares two dimensions; None where one is unknown."""

    def method(self, other):
        try:
            other = _value_of(other)
        except (TypeError, ValueError):
            if strict:
                raise
            return NotImplemented
        return None if self._value is None or other is None else compare(self._value, other)

    return method


class Dimension:
    """One dimension of a shape, TF1's way: a number or unknown. Comparisons with an unknown one give None."""

    __slots__ = ("_value",)

    def __init__(self, value):
        self._value = _value_of(value)

    @property
    def value(self):
        """The size as an int, or None."""
        return self._value

    def is_compatible_with(self, other):
        """Whether both sizes are equal or one is unknown."""
        other = _value_of(other)
        return self._value is None or other is None or self._value == other

    def assert_is_compatible_with(self, other):
        """ValueError unless `is_compatible_with(other)`."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Dimensions {self} and {other} are not compatible")

    def merge_with(self, other):
        """The known one of two compatible dimensions; ValueError if they are not."""
        other = as_dimension(other)
        self.assert_is_compatible_with(other)
        return Dimension(other._value if self._value is None else self._value)

    __add__ = _arithmetic(operator.add)
    __sub__ = _arithmetic(operator.sub)
    __rsub__ = _arithmetic(operator.sub, reverse=True, strict=True)
    __mul__ = _arithmetic(operator.mul)
    __floordiv__ = _arithmetic(operator.floordiv)
    __rfloordiv__ = _arithmetic(operator.floordiv, reverse=True, strict=True)
    __mod__ = _arithmetic(operator.mod, strict=True)
    __rmod__ = _arithmetic(operator.mod, reverse=True, strict=True)
    __lt__ = _comparison(operator.lt)
    __le__ = _comparison(operator.le)
    __gt__ = _comparison(operator.gt)
    __ge__ = _comparison(operator.ge)
    __eq__ = _comparison(operator.eq, strict=False)
    __ne__ = _comparison(operator.ne, strict=False)
    __hash__ = None  # Equality may be unknown, so TensorFlow has none either.

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        raise _no_true_division("Dimension", type(other).__name__)

    def __rtruediv__(self, other):
        raise _no_true_division(type(other).__name__, "Dimension")

    def __bool__(self):
        return bool(self._value)

    def __int__(self):
        return self._value

    __index__ = __int__

    def __reduce__(self):
        return Dimension, (self._value,)

    def __repr__(self):
        return f"Dimension({self._value!r})"

    def __str__(self):
        return "?" if self._value is None else str(self._value)


def _no_true_division(left, right):
    return TypeError(f"unsupported operand type(s) for /: '{left}' and '{right}', please use // instead")


def _value_of(value):
    """int or None from anything usable as a dimension; TypeError for other types, ValueError for negative numbers."""
    if value is None:
        return None
    if isinstance(value, Dimension):
        return value._value
    if not isinstance(value, int):
        try:
            index = value.__index__
        except AttributeError:
            raise TypeError(
                "Dimension value must be integer or None or have an __index__ method, "
                f"got value '{value!r}' with type '{type(value)!r}'"
            ) from None
        value = int(index())
    if value < 0:
        raise ValueError(f"Dimension {value} must be >= 0")
    return value


def as_dimension(value):
    """`value` as a `Dimension`."""
    return value if isinstance(value, Dimension) else Dimension(value)


def dimension_value(dimension):
    """int or None from a `Dimension`; other values unchanged. Reads `shape[i]` in either manner."""
    return dimension.value if isinstance(dimension, Dimension) else dimension


def dimension_at_index(shape, index):
    """The `Dimension` at `index` of a `TensorShape`, an unknown one if the rank is unknown."""
    assert isinstance(shape, TensorShape)
    return Dimension(None) if shape._dims is None else Dimension(shape._dims[index])


class TensorShape:
    """The static shape of a tensor: known, partly known (None in a place), or of unknown rank (`TensorShape(None)`).

    Takes None, a number, a shape, or any iterable of int, None and `Dimension`; TypeError or ValueError for the rest.
    """

    __slots__ = ("_dims",)

    def __init__(self, dims):
        self._dims = as_dims(dims)

    @staticmethod
    def _of(dims):
        """A shape around a checked tuple of int and None, or None: the quick way for the engine."""
        shape = _new_shape(TensorShape)
        shape._dims = dims
        return shape

    @property
    def rank(self):
        """Number of dimensions, None if unknown."""
        return None if self._dims is None else len(self._dims)

    ndims = rank

    @property
    def dims(self):
        """List of `Dimension`, None if the rank is unknown."""
        return None if self._dims is None else [Dimension(d) for d in self._dims]

    def as_list(self):
        """List of int and None; ValueError if the rank is unknown."""
        if self._dims is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self._dims)

    def num_elements(self):
        """Product of the dimensions, None unless all are known."""
        return math.prod(self._dims) if self.is_fully_defined() else None

    def is_fully_defined(self):
        """Whether every dimension is known."""
        return self._dims is not None and None not in self._dims

    def assert_is_fully_defined(self):
        """ValueError unless every dimension is known."""
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined")

    def is_compatible_with(self, other):
        """Whether some tensor could have both shapes."""
        return compatible_dims(self._dims, as_dims(other))

    def assert_is_compatible_with(self, other):
        """ValueError unless `is_compatible_with(other)`."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {other} are incompatible")

    def assert_same_rank(self, other):
        """ValueError if both ranks are known and differ."""
        other = as_shape(other)
        if self._dims is not None and other._dims is not None and len(self._dims) != len(other._dims):
            raise ValueError(f"Shapes {self} and {other} must have the same rank")

    def assert_has_rank(self, rank):
        """ValueError if the rank is known and is not `rank`."""
        if self.rank not in (None, rank):
            raise ValueError(f"Shape {self} must have rank {rank}")

    def merge_with(self, other):
        """The shape that knows what either knows; ValueError if they contradict each other."""
        other = as_shape(other)
        if self._dims is None:
            return other
        if other._dims is None:
            return self
        if not compatible_dims(self._dims, other._dims):
            raise ValueError(f"Shapes {self} and {other} are not compatible")
        pairs = zip(self._dims, other._dims, strict=True)
        return TensorShape._of(tuple(b if a is None else a for a, b in pairs))

    def with_rank(self, rank):
        """This shape with its rank known to be `rank`; ValueError if it is another."""
        if self._dims is not None and len(self._dims) != rank:
            raise ValueError(f"Shape {self} must have rank {rank}")
        return unknown_shape(rank) if self._dims is None else self

    def with_rank_at_least(self, rank):
        """This shape; ValueError if its rank is known to be smaller."""
        if self._dims is not None and len(self._dims) < rank:
            raise ValueError(f"Shape {self} must have rank at least {rank}")
        return self

    def with_rank_at_most(self, rank):
        """This shape; ValueError if its rank is known to be larger."""
        if self._dims is not None and len(self._dims) > rank:
            raise ValueError(f"Shape {self} must have rank at most {rank}")
        return self

    def concatenate(self, other):
        """The dimensions of both, one after the other; unknown if either rank is."""
        other = as_dims(other)
        return TensorShape._of(None if self._dims is None or other is None else self._dims + other)

    __add__ = __concat__ = concatenate

    def __radd__(self, other):
        return TensorShape(other).concatenate(self)

    def is_subtype_of(self, other):
        """Whether every tensor of this shape also has shape `other`."""
        if not isinstance(other, TensorShape):
            return False
        if other._dims is None:
            return True
        if self._dims is None or len(self._dims) != len(other._dims):
            return False
        return all(b is None or a == b for a, b in zip(self._dims, other._dims, strict=True))

    def most_specific_common_supertype(self, others):
        """The shape with None wherever one of `others` differs; None if one of them is no `TensorShape`."""
        if not all(isinstance(other, TensorShape) for other in others):
            return None
        shapes = [self._dims, *(other._dims for other in others)]
        if None in shapes or len({len(dims) for dims in shapes}) > 1:
            return TensorShape._of(None)
        return TensorShape._of(tuple(d[0] if len(set(d)) == 1 else None for d in zip(*shapes, strict=True)))

    def most_specific_compatible_shape(self, other):
        """The shape with None wherever `other` differs; of unknown rank if the ranks differ."""
        return self.most_specific_common_supertype([as_shape(other)])

    def flatten(self):
        """The components of this type as seen by a function signature: none."""
        return []

    @property
    def _v2_behavior(self):
        return _v2

    def __len__(self):
        if self._dims is None:
            raise ValueError("Cannot take the length of shape with unknown rank.")
        return len(self._dims)

    def __bool__(self):
        return self._dims is not None

    def __iter__(self):
        if self._dims is None:
            raise ValueError("Cannot iterate over a shape with unknown rank.")
        return iter(self._dims) if _v2 else iter(self.dims)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return TensorShape._of(self._unknown_slice(key) if self._dims is None else self._dims[key])
        if self._dims is None:
            return None if _v2 else Dimension(None)
        return self._dims[key] if _v2 else self.dims[key]

    def _unknown_slice(self, key):
        """Dimensions of a slice of a shape of unknown rank: known in number where the bounds tell."""
        if key.step is not None:
            raise ValueError("Steps are not yet handled")
        start = 0 if key.start is None else key.start
        if key.stop is None or start < 0 or key.stop < 0:
            return None
        return (None,) * (key.stop - start)

    def __eq__(self, other):
        if type(other) is TensorShape:
            return self._dims == other._dims
        try:
            return self._dims == as_dims(other)
        except TypeError:
            return NotImplemented

    def __hash__(self):
        return hash(self._dims)

    def __reduce__(self):
        return TensorShape, (self.dims,)

    def __repr__(self):
        return f"TensorShape({(None if self._dims is None else list(self._dims)) if _v2 else self.dims})"

    def __str__(self):
        if self._dims is None:
            return "<unknown>"
        texts = [("None" if _v2 else "?") if d is None else str(d) for d in self._dims]
        return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"


_new_shape = object.__new__


def as_dims(shape):
    """Tuple of int and None, or None for unknown rank, from anything `TensorShape` takes; raises as it does."""
    if type(shape) is TensorShape:
        return shape._dims
    if shape is None:
        return None
    if isinstance(shape, (tuple, list)):
        return tuple([d if type(d) is int and d >= 0 else _value_of(d) for d in shape])
    if isinstance(shape, TensorShape):
        return shape._dims
    try:
        parts = iter(shape)
    except TypeError:
        return (_value_of(shape),)
    dims = []
    for d in parts:
        try:
            dims.append(_value_of(d))
        except TypeError as error:
            raise TypeError(
                f"Failed to convert '{shape!r}' to a shape: '{d!r}'could not be converted to a dimension. A shape "
                "should either be single dimension (e.g. 10), or an iterable of dimensions (e.g. [1, 10, None])."
            ) from error
    return tuple(dims)


def as_shape(shape):
    """`shape` as a `TensorShape`."""
    return shape if isinstance(shape, TensorShape) else TensorShape(shape)


def unknown_shape(rank=None, **kwargs):
    """A shape of `rank` unknown dimensions (TF1 calls the argument `ndims`), or of unknown rank."""
    if rank is None and "ndims" in kwargs:
        rank = kwargs.pop("ndims")
    if kwargs:
        raise TypeError(f"Unknown argument: {kwargs}")
    return TensorShape._of(None if rank is None else (None,) * rank)


def scalar():
    """The shape of a single number."""
    return TensorShape._of(())


def vector(length):
    """The shape (length,)."""
    return TensorShape([length])


def matrix(rows, cols):
    """The shape (rows, cols)."""
    return TensorShape([rows, cols])


# --- The same on plain tuples ----------------------------------------------------------------------------------------


def compatible_dims(x, y):
    """Whether some tensor could have both shapes."""
    if x is None or y is None:
        return True
    return len(x) == len(y) and all(a is None or b is None or a == b for a, b in zip(x, y, strict=True))


def merge_dims(x, y):
    """The tuple that knows what either knows; ValueError, worded as TensorFlow's `set_shape`, on contradiction."""
    if x is None or y is None:
        return y if x is None else x
    if len(x) != len(y):
        raise ValueError(f"Shapes must be equal rank, but are {len(x)} and {len(y)}")
    for i, (a, b) in enumerate(zip(x, y, strict=True)):
        if a is not None and b is not None and a != b:
            raise ValueError(
                f"Dimension {i} in both shapes must be equal, but are {a} and {b}. "
                f"Shapes are {dims_text(x)} and {dims_text(y)}."
            )
    return tuple(b if a is None else a for a, b in zip(x, y, strict=True))


def dims_text(dims):
    """A shape as TensorFlow's runtime writes it in messages: '[2,3]', '[?,3]', '<unknown>'."""
    if dims is None:
        return "<unknown>"
    return "[" + ",".join("?" if d is None else str(d) for d in dims) + "]"


def broadcast_dims(x, y):
    """The shape two operands broadcast to; None if a rank is unknown.

    Raises `BroadcastError` with the two dimensions that differ. An unknown dimension against one larger than 1 gives
    the latter, against 1 or another unknown it stays unknown.
    """
    if x is None or y is None:
        return None
    if x == y:
        return x
    if len(x) < len(y):
        x = (1,) * (len(y) - len(x)) + x
    elif len(y) < len(x):
        y = (1,) * (len(x) - len(y)) + y
    out = []
    for a, b in zip(x, y, strict=True):
        if a == b or b == 1:
            out.append(a)
        elif a == 1:
            out.append(b)
        elif a is None or b is None:
            known = b if a is None else a
            out.append(known if known > 1 else None)
        else:
            raise BroadcastError(a, b)
    return tuple(out)


class BroadcastError(ValueError):
    """Two dimensions do not broadcast; callers add the operation and its input shapes to the text."""

    def __init__(self, a, b):
        super().__init__(f"Dimensions must be equal, but are {a} and {b}")
        self.dims = a, b


def is_broadcast_compatible(shape_x, shape_y):
    """Whether two shapes are known to broadcast; False if a rank is unknown."""
    x, y = as_dims(shape_x), as_dims(shape_y)
    try:
        return broadcast_dims(x, y) is not None
    except BroadcastError:
        return False


def broadcast_shape(shape_x, shape_y):
    """The `TensorShape` that two static shapes broadcast to, for `tf.broadcast_static_shape`; ValueError if none."""
    try:
        return TensorShape._of(broadcast_dims(as_dims(shape_x), as_dims(shape_y)))
    except BroadcastError:
        raise ValueError(
            "Incompatible shapes for broadcasting. Two shapes are compatible if for each dimension pair they are "
            f"either equal or one of them is 1. Received: {shape_x} and {shape_y}."
        ) from None

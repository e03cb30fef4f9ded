"""What tf.image's functions share: the checks of an image's shape, numbers that may be tensors, assertions."""

from __future__ import annotations

from .. import record
from ..declare import OPS
from ..graph import context
from .array import bad
from .control import with_dependencies
from .python import assert_op


def shape_fault(shape):
    """What is wrong with the shape of an image [height, width, channels] or a batch of them (unknown dimensions are None), or None."""
    text = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    if len(shape) < 3:
        return f"'image' (shape {text}) must be at least three-dimensional."
    if 0 in shape[-3:]:
        return f"inner 3 dims of 'image.shape' must be > 0: {text}"
    return None


def rank_fault(shape):
    """What is wrong with a shape that should have three or four dimensions, or None."""
    if len(shape) in (3, 4):
        return None
    return f"'image' (shape ({', '.join(map(str, shape))})) must have either 3 or 4 dimensions."


def check(shape, *faults):
    """Raises ValueError for a static shape (None: unknown rank) that one of the functions `faults` objects to."""
    for fault in faults if shape is not None else ():
        said = fault(shape)
        if said:
            raise ValueError(said)


def check_elements(type, shape):
    """Raises InvalidArgumentError where a tensor of this shape would have more elements than can be counted."""
    total = 1
    for n in shape:
        total *= int(n)
    if total >= 2**63:
        raise bad(type, f"Encountered overflow when multiplying the sizes {list(map(int, shape))}")


def check_traced(type, image):
    """The same in a kernel, where every size is known; raises InvalidArgumentError."""
    said = shape_fault(image.shape) or rank_fault(image.shape)
    if said:
        raise bad(type, said)


def image_tensor(value, *faults):
    """`value` as a tensor, its static shape checked."""
    image = record.convert_to_tensor(value, name="image")
    check(image._shape_tuple(), *(faults or (shape_fault, rank_fault)))
    return image


def known(value):
    """A number as a Python number where it is known (eagerly: always), else the tensor."""
    if isinstance(value, record.Tensor) or hasattr(value.__class__, "_dense_tensor"):
        value = record.convert_to_tensor(value)
        if context.graph is None:
            return value._numpy().item()
        # Constants only: the engine would also take the smaller of 7 and some unknown size for known.
        return record.static_value(value).item() if value.op.type == "Const" else value
    return value.item() if hasattr(value, "item") else value


def dims(image):
    """The sizes of `image`, as numbers where they are static, else as int32 tensors."""
    static = image._shape_tuple()
    if None not in static:
        return list(static)
    sizes = OPS["Shape"].public(image)
    return [sizes[i] if n is None else n for i, n in enumerate(static)]


def demand(image, conditions, error=ValueError):
    """`image` where each (condition, message) holds: raises `error` for what is known now, asserts at run time what is not."""
    late = []
    for condition, message in conditions:
        if isinstance(condition, record.Tensor):
            late.append(assert_op(condition, [message]))
        elif not condition:
            raise error(message)
    return with_dependencies(late, image) if late else image

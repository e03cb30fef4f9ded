"""Products and sums of several tensors: matmul, matvec, tensordot, einsum, add_n."""

from __future__ import annotations

import string

import jax.numpy as jnp
import numpy as np

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import context
from ..scopes import name_scope
from ..shapes import broadcast_dims
from ..tensor import EagerTensor, IndexedSlices, SymbolicTensor
from .math import NUMBERS, spoken

_MATMUL = "bfloat16 float16 float32 float64 int32 int64 complex64 complex128"


def _flip(x, transpose, adjoint):
    if adjoint:
        return jnp.conj(jnp.swapaxes(x, -1, -2))
    return jnp.swapaxes(x, -1, -2) if transpose else x


def _mismatch(type, a, b, inner):
    return errors.InvalidArgumentError(
        None, None,
        f"Matrix size-incompatible: In[0]: {spoken(a.shape)}, In[1]: {spoken(b.shape)}: Dimensions must be equal, but "
        f"are {inner[0]} and {inner[1]} [Op:{type}]",
    )  # fmt: skip


@op("MatMul", "", dtypes=_MATMUL)
def mat_mul(a, b, *, transpose_a=False, transpose_b=False):
    """a [n, k] x b [k, m] -> [n, m]."""
    for i, x in enumerate((a, b)):
        if x.ndim != 2:
            raise errors.InvalidArgumentError(
                None, None, f"In[{i}] ndims must be >= 2: Shape must be rank 2 but is rank {x.ndim} [Op:MatMul]"
            )
    inner = a.shape[0 if transpose_a else 1], b.shape[1 if transpose_b else 0]
    if inner[0] != inner[1]:
        raise _mismatch("MatMul", a, b, inner)
    return jnp.matmul(a.T if transpose_a else a, b.T if transpose_b else b)


@op("BatchMatMulV2", "", name="MatMul", dtypes=_MATMUL)
def batch_mat_mul(x, y, *, adj_x=False, adj_y=False):
    """x [..., n, k] x y [..., k, m] -> [..., n, m], the leading dimensions broadcast."""
    for i, t in enumerate((x, y)):
        if t.ndim < 2:
            raise errors.InvalidArgumentError(None, None, f"In[{i}] ndims must be >= 2: {t.ndim} [Op:BatchMatMulV2]")
    x, y = _flip(x, False, adj_x), _flip(y, False, adj_y)
    if x.shape[-1] != y.shape[-2]:
        raise _mismatch("BatchMatMulV2", x, y, (x.shape[-1], y.shape[-2]))
    try:
        np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"In[0] and In[1] must have compatible batch dimensions: {spoken(x.shape)} vs. {spoken(y.shape)} "
            "[Op:BatchMatMulV2]",
        ) from None
    return jnp.matmul(x, y)


@export("matmul linalg.matmul")
def matmul(
    a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False, a_is_sparse=False,
    b_is_sparse=False, output_type=None, grad_a=False, grad_b=False, name=None,
):  # fmt: skip
    """a [..., n, k] x b [..., k, m] -> [..., n, m]; the `is_sparse` hints change no number.

    Raises ValueError where a matrix is to be both transposed and adjoint, InvalidArgumentError (in graphs ValueError)
    where the sizes do not fit.
    """
    for which, transpose, adjoint in (("a", transpose_a, adjoint_a), ("b", transpose_b, adjoint_b)):
        if transpose and adjoint:
            raise ValueError(
                f"Only one of `transpose_{which}` and `adjoint_{which}` can be True. Received "
                f"`transpose_{which}`={transpose}, `adjoint_{which}`={adjoint}."
            )
    if (a_is_sparse or b_is_sparse) and context.graph is not None:
        a, b = record.convert_to_tensor(a, name="a"), record.convert_to_tensor(b, a.dtype.base_dtype, name="b")
        out = _matmul(a, b, transpose_a, transpose_b, adjoint_a, adjoint_b, name, "MatMul")
        if None in (a._rank(), b._rank()):  # TensorFlow's op for sparse matrices has no batches
            out.set_shape([None, None])
        return out
    if output_type is not None:
        return _typed(a, b, transpose_a, transpose_b, adjoint_a, adjoint_b, dtypes.as_dtype(output_type), name)
    return _matmul(a, b, transpose_a, transpose_b, adjoint_a, adjoint_b, name, "MatMul")


@op("BatchMatMulV3", "", name="MatMul", alike=False)
def typed_mat_mul(x, y, *, output_type, adj_x=False, adj_y=False):
    """x [..., n, k] x y [..., k, m], of possibly two dtypes -> [..., n, m] of a third, which the sums are made in."""
    wide = output_type.np
    return batch_mat_mul.op.kernel(x.astype(wide), y.astype(wide), adj_x=adj_x, adj_y=adj_y)


def _typed(a, b, transpose_a, transpose_b, adjoint_a, adjoint_b, output_type, name):
    """tf.matmul with `output_type`.

    Raises NotFoundError (in graphs InvalidArgumentError) for the combinations that TensorFlow's CPU has no kernel for.
    """
    a, b = record.convert_to_tensor(a, name="a"), record.convert_to_tensor(b, name="b")
    one, two, out = a.dtype.base_dtype.name, b.dtype.base_dtype.name, output_type.name
    if out == one == two:
        return _matmul(a, b, transpose_a, transpose_b, adjoint_a, adjoint_b, name, "MatMul")
    small = ("int8", "uint8")
    if out not in _MATMUL.split() or out.startswith("uint"):
        raise errors.InvalidArgumentError(
            None, None, f"Value for attr 'Tout' of {out} is not in the list of allowed values: bfloat16, half, float, "
            "double, int16, int32, int64, complex64, complex128 [Op:BatchMatMulV3]",
        )  # fmt: skip
    if not (out == "int32" and one in small and two in small or out == one == "bfloat16" and two in small):
        types = f"[Ta={one}, Tb={two}, Tout={out}]"
        if context.graph is None:
            raise errors.NotFoundError(None, None, f"Could not find device for node: BatchMatMulV3{types}")
        raise errors.InvalidArgumentError(
            None, None, f"No OpKernel was registered to support Op 'BatchMatMulV3' with these attrs: {types}"
        )
    if transpose_a:
        a, adjoint_a = _conj(a), True
    if transpose_b:
        b, adjoint_b = _conj(b), True
    settings = {"output_type": output_type, "adj_x": bool(adjoint_a), "adj_y": bool(adjoint_b)}
    return record.call(OPS["BatchMatMulV3"], [a, b], settings, name, "MatMul")


def matmul_operator(x, y):
    """x @ y."""
    return _matmul(x, y, False, False, False, False, None, "matmul")


def _with_operator(a, b, transpose, adjoint_a, adjoint_b):
    """tf.matmul where `a` or `b` is a LinearOperator; ValueError for transposes, which operators do not have."""
    if transpose:
        raise ValueError("Transposing not supported for LinearOperators: use adjoint_a and adjoint_b.")
    if hasattr(a, "_linop_matmul"):
        return a.matmul(b, adjoint=adjoint_a, adjoint_arg=adjoint_b)
    # x A is the adjoint of A^H x^H.
    return OPS["MatrixTranspose"].public(
        b.matmul(record.convert_to_tensor(a), adjoint=not adjoint_b, adjoint_arg=not adjoint_a), conjugate=True
    )


def _matmul(a, b, transpose_a, transpose_b, adjoint_a, adjoint_b, name, default):
    if b.__class__ is not EagerTensor and hasattr(b.__class__, "_dense_tensor") and context.graph is None:
        b = b._dense_tensor()
    if not (a.__class__ is EagerTensor and b.__class__ is EagerTensor):
        if hasattr(a, "_linop_matmul") or hasattr(b, "_linop_matmul"):
            return _with_operator(a, b, transpose_a or transpose_b, adjoint_a, adjoint_b)
        dtype = record._unify(OPS["MatMul"], [a, b], ("a", "b"))
        a = record.convert_to_tensor(a, None if record._dtype_of(a) is not None else dtype, name="a")
        b = record.convert_to_tensor(
            b, None if record._dtype_of(b) is not None else dtype or a.dtype.base_dtype, name="b"
        )
    rank_a, rank_b = a._rank(), b._rank()
    if (
        (rank_a is None or rank_a > 2)
        and (rank_b is None or rank_b != 1)
        or (rank_b is None or rank_b > 2)
        and rank_a != 1
    ):
        if transpose_a:
            a, adjoint_a = _conj(a), True
        if transpose_b:
            b, adjoint_b = _conj(b), True
        settings = {"adj_x": bool(adjoint_a), "adj_y": bool(adjoint_b)} if adjoint_a or adjoint_b else None
        return record.call(OPS["BatchMatMulV2"], [a, b], settings, name, default)
    if adjoint_a:
        a, transpose_a = _conj(a), True
    if adjoint_b:
        b, transpose_b = _conj(b), True
    if context.graph is None and not (transpose_a or transpose_b):
        return record.record_eager(OPS["MatMul"].sig, (a._slot, b._slot))
    settings = (
        {"transpose_a": bool(transpose_a), "transpose_b": bool(transpose_b)} if transpose_a or transpose_b else None
    )
    return record.call(OPS["MatMul"], [a, b], settings, name, default)


def _conj(x):
    if not x.dtype.is_complex:
        return x
    return OPS["Conj"].public(x)


@export("", v1="batch_matmul")
def batch_matmul(x, y, adj_x=False, adj_y=False, name=None):
    """An older form of tf.matmul for batches."""
    settings = {"adj_x": bool(adj_x), "adj_y": bool(adj_y)}
    return record.call(OPS["BatchMatMulV2"], [x, y], settings, name, "BatchMatMul")


@export("", v1="sparse_matmul")
def sparse_matmul(a, b, transpose_a=False, transpose_b=False, a_is_sparse=False, b_is_sparse=False, name=None):
    """tf.matmul with hints, which change no number."""
    return matmul(a, b, transpose_a, transpose_b, a_is_sparse=True, name=name)


@export("linalg.matvec")
def matvec(a, b, transpose_a=False, adjoint_a=False, a_is_sparse=False, b_is_sparse=False, name=None):
    """a [..., n, k] x b [..., k] -> [..., n]."""
    with name_scope(name, "MatVec", [a, b]):
        out = matmul(a, OPS["ExpandDims"].public(b, -1), transpose_a=transpose_a, adjoint_a=adjoint_a)
        return OPS["Squeeze"].public(out, axis=[-1])


# -- sums of several tensors ------------------------------------------------------------------------------------------
@op("AddN", "", dtypes=NUMBERS)
def add_n_kernel(*inputs):
    first = inputs[0]
    for x in inputs:
        if x.shape != first.shape:
            raise errors.InvalidArgumentError(
                None, None,
                f"Inputs to operation AddN must have the same shape: Shapes must be equal, but are {spoken(first.shape)} "
                f"and {spoken(x.shape)} [Op:AddN]",
            )  # fmt: skip
    total = first
    for x in inputs[1:]:
        total = total + x
    return total


@export("add_n math.add_n")
def add_n(inputs, name=None):
    """The sum of tensors of one shape and dtype; IndexedSlices among them count as the dense tensors they stand for.

    Raises ValueError for an empty list.
    """
    if isinstance(inputs, str) or not hasattr(inputs, "__iter__"):
        raise ValueError(
            "Inputs must be an iterable of at least one Tensor/IndexedSlices with the same dtype and shape."
        )
    inputs = list(inputs)
    if not inputs:
        raise ValueError(
            "Inputs must be an iterable of at least one Tensor/IndexedSlices with the same dtype and shape."
        )
    if context.graph is None and len(inputs) > 1 and all([x.__class__ is EagerTensor for x in inputs]):
        return record.record_eager(OPS["AddN"].signature(), tuple([x._slot for x in inputs]))
    dtype = record._unify(OPS["AddN"], inputs, ("inputs",) * len(inputs))
    tensors = [
        record.convert_to_tensor(x, None if isinstance(x, (record.Tensor, IndexedSlices)) else dtype) for x in inputs
    ]
    if len(tensors) == 1:
        only = tensors[0]
        return (
            OPS["Identity"].public(only, name=name)
            if name or isinstance(inputs[0], IndexedSlices) or only is not inputs[0]
            else only
        )
    return record.call(OPS["AddN"], tensors, None, name, "AddN")


@export("math.accumulate_n", v1="accumulate_n math.accumulate_n")
def accumulate_n(inputs, shape=None, tensor_dtype=None, name=None):
    """The sum of tensors of one shape.  Raises ValueError where they or `shape` and `tensor_dtype` contradict."""
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError("inputs must be a list of at least one Tensor/IndexedSlices with the same dtype and shape")
    tensors = [record.convert_to_tensor(x) for x in inputs]
    if any(t.dtype.base_dtype is not tensors[0].dtype.base_dtype for t in tensors):
        raise ValueError("inputs must be a list of at least one Tensor/IndexedSlices with the same dtype and shape")
    if tensor_dtype is not None and tensors[0].dtype.base_dtype is not tensor_dtype:
        raise TypeError(f"tensor_dtype is {tensor_dtype}, but input is of type {tensors[0].dtype}")
    known = record.TensorShape(shape)
    for t in tensors:
        known = known.merge_with(t.shape)
    return add_n(tensors, name)


# -- contractions -----------------------------------------------------------------------------------------------------
def _dotted_unknown(a, b, axes, **settings):
    """Nothing is known of the result where a rank or an axis is not."""
    return None if a is None or b is None or axes is None or None in axes.ravel().tolist() else NotImplemented


@op("Tensordot", "", dtypes=_MATMUL, static="axes", results=_dotted_unknown)
def tensordot_kernel(a, b, axes, *, computed=False):
    """`axes`: a number (not where it is `computed`), or [2, pairs] integers."""
    if axes.ndim not in (0, 2) or axes.ndim and axes.shape[0] != 2 or computed and not axes.ndim:
        raise errors.InvalidArgumentError(None, None, f"`axes` must have length 2, got {axes.tolist()} [Op:Tensordot]")
    n = int(axes) if not axes.ndim else 0
    pairs = axes.tolist() if axes.ndim else (list(range(a.ndim - n, a.ndim)), list(range(n)))
    for i, j in zip(*pairs):
        if not (-a.ndim <= i < a.ndim and -b.ndim <= j < b.ndim):
            raise errors.InvalidArgumentError(None, None, f"axes {pairs} are out of range [Op:Tensordot]")
    if all(a.shape[i] == b.shape[j] for i, j in zip(*pairs)):
        return jnp.tensordot(a, b, pairs)
    # TensorFlow multiplies matrices, in which the axes to sum over are one: they need to be as large together only.
    gone = [[i % a.ndim for i in pairs[0]], [j % b.ndim for j in pairs[1]]]
    kept = [[i for i in range(t.ndim) if i not in g] for t, g in zip((a, b), gone)]
    sizes = [int(np.prod([t.shape[i] for i in g])) for t, g in zip((a, b), gone)]
    if sizes[0] != sizes[1]:
        raise _mismatch("Tensordot", a, b, sizes)
    left = a.transpose(kept[0] + gone[0]).reshape([a.shape[i] for i in kept[0]] + sizes[:1])
    right = b.transpose(gone[1] + kept[1]).reshape(sizes[1:] + [b.shape[i] for i in kept[1]])
    return jnp.tensordot(left, right, 1)


@export("tensordot linalg.tensordot")
def tensordot(a, b, axes, name=None):
    """The sum of products over the last `axes` axes of a and the first of b, or over pairs, `axes` = [of a, of b].

    Raises ValueError where `axes` is no such thing, IndexError for axes that are not there, InvalidArgumentError (in
    graphs ValueError) where sizes differ.
    """
    a = record.convert_to_tensor(a, name="a")
    b = record.convert_to_tensor(b, a.dtype.base_dtype, name="b")
    if isinstance(axes, SymbolicTensor) and record.static_value(axes) is None:
        return record.call(OPS["Tensordot"], [a, b, axes], {"computed": True}, name)
    return record.call(OPS["Tensordot"], [a, b, _pairs(record.setting(axes), a, b)], None, name)


def _pairs(axes, a, b):
    """`axes` as an array: a number, or [2, pairs]."""
    if isinstance(axes, int):
        if axes < 0:
            raise ValueError(f"`axes` must be at least 0. Received: {axes}.")
        if a._rank() is not None and axes > a._rank():
            raise ValueError(
                f"`axes` must not be larger than the number of dimensions of tensor {a}.  Received {axes}, vs tensor "
                f"dimensions {a._rank()}."
            )
        return np.array(axes, np.int32)
    if len(axes) != 2:
        raise ValueError(f"`axes` must be an integer or have length 2. Received {axes}.")
    pairs = [[x] if isinstance(x, int) else list(x) for x in axes]
    if len(pairs[0]) != len(pairs[1]):
        raise ValueError(
            f"Different number of contraction axes `a` and `b`, {len(pairs[0])} != {len(pairs[1])}. Received: {axes=}."
        )
    for t, of_t in zip((a, b), pairs):
        for axis in of_t:
            if t._rank() is not None and not -t._rank() <= axis < t._rank():
                raise IndexError(f"axis {axis} is out of range for a tensor of rank {t._rank()}")
    return np.array(pairs, np.int32).reshape(2, len(pairs[0]))


def _einsum_unknown(*shapes, equation):
    """The static shape, by the labels: a term without an ellipsis tells the rank of its input."""
    left, arrow, out = equation.partition("->")
    sizes, broadcast = _label_sizes(left.split(","), out if arrow else None, shapes)
    if not arrow:
        out = ("..." if "." in left else "") + "".join(sorted(c for c in sizes if left.count(c) == 1))
    before, dots, after = out.partition("...")
    if dots and broadcast is None:
        return None
    return (*[sizes[c] for c in before], *(broadcast if dots else ()), *[sizes[c] for c in after])


@op("Einsum", "", dtypes=_MATMUL, results=_einsum_unknown)
def einsum_kernel(*inputs, equation):
    """The contraction; a label twice in the output stands for a diagonal, zero elsewhere."""
    left, arrow, right = equation.partition("->")
    sizes, _ = _label_sizes(left.split(","), right if arrow else None, [x.shape for x in inputs])
    extra = []
    free = iter([c for c in string.ascii_letters if c not in equation])
    for label in sorted(set(right) - {"."}):
        for _ in range(right.count(label) - 1):
            other = next(free)
            right = right[::-1].replace(label, other, 1)[::-1]
            left += f",{label}{other}"
            extra.append(jnp.eye(sizes[label], dtype=inputs[0].dtype))
    return jnp.einsum(left + arrow + right, *inputs, *extra).astype(inputs[0].dtype)


def _label_sizes(terms, out, shapes):
    """({label: size}, what the ellipses stand for); sizes may be None, and shapes, and then the latter.

    Raises InvalidArgumentError where the terms do not fit the shapes, which jnp.einsum would broadcast.
    """
    sizes, broadcast = {}, ()
    for term, shape in zip(terms, shapes, strict=True):
        before, dots, after = term.partition("...")
        if shape is None:
            sizes.update({label: sizes.get(label) for label in before + after})
            broadcast = None if dots else broadcast
            continue
        free = len(shape) - len(before) - len(after)
        if free < 0 or free and not dots:
            least = "at least " * bool(dots)
            raise _unfit(f"Expected input of rank {least}{len(before + after)} but got {len(shape)}", term)
        for label, size in zip(before + after, shape[: len(before)] + shape[len(shape) - len(after) :], strict=True):
            known = sizes.get(label)
            if None not in (known, size) and known != size:
                raise _unfit(f"Expected dimension {known} of label {label!r} but got dimension {size}", term)
            sizes[label] = size if known is None else known
        try:
            broadcast = broadcast_dims(broadcast, shape[len(before) : len(before) + free])
        except ValueError:
            raise _unfit("Incompatible broadcasting dimensions", term) from None
    if broadcast and out is not None and "..." not in out:
        raise _unfit("Expected the output to have an ellipsis: there are broadcasting dimensions", out)
    return sizes, broadcast


def _unfit(message, term):
    return errors.InvalidArgumentError(None, None, f"{message}, in {term!r} [Op:Einsum]")


@export("einsum linalg.einsum")
def einsum(equation, *inputs, **kwargs):
    """The contraction that `equation` writes, as in numpy.einsum; `optimize` (how to order it) is left to XLA.

    Raises ValueError for an equation that does not fit the inputs, TypeError for unknown keyword arguments.
    """
    name = kwargs.pop("name", None)
    kwargs.pop("optimize", None)
    if kwargs:
        raise TypeError(
            f"Invalid keyword arguments for einsum: {', '.join(kwargs)}. Valid arguments: name, optimize, greedy"
        )
    if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)):
        inputs = inputs[0]
    inputs = list(inputs)
    if not inputs:
        raise ValueError("At least one input is required for einsum.")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(inputs):
        raise ValueError(f"Expected {len(terms)} inputs for equation {equation!r}, got {len(inputs)}.")
    for label in right.replace("...", ""):
        if label not in left:
            raise ValueError(f"Unknown output label {label!r} in equation {equation!r}: it is in no input.")
    if len(set(right.replace("...", ""))) != len(right.replace("...", "")):
        raise ValueError(f"Output subscripts contain a label appearing more than once: {equation!r}")
    for term in (*terms, right):
        if term.count("...") > 1:
            raise ValueError(f"Subscripts contain more than one ellipsis: {equation!r}")
        if not all(c.isalpha() for c in term.replace("...", "")):
            raise ValueError(f"Indices have incorrect format: {equation}")
    with name_scope(name, "einsum", inputs):
        return record.call(OPS["Einsum"], inputs, {"equation": left + arrow + right}, None, "Einsum")

"""Functions of square matrices, and iterations that only need products with one."""

from __future__ import annotations

from collections import namedtuple

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np

from .. import errors, record
from ..declare import OPS, export, op
from ..scopes import name_scope
from .decompositions import ANY
from .linalg import square
from .math import with_jvp
from .reductions import reduce_any, reduce_sum
from .while_loop import while_loop


@op("MatrixExponential", "linalg.expm", name="matrix_exponential", **ANY)
def expm(input):
    """The matrix exponential of input [..., n, n]."""
    square("MatrixExponential", input)
    return input if 0 in input.shape else jsl.expm(input, max_squarings=48)


def _complex_alone(a):
    if not a.dtype.is_complex:
        raise errors.InvalidArgumentError(
            None, None, f"Value for attr 'T' of {a.dtype.name} is not in the list of allowed values: complex64, complex128 "
            "[Op:MatrixLogarithm]"
        )  # fmt: skip
    shape = a.shape
    if shape is not None:
        rows, columns = a.shape[-2:] if len(a.shape) > 1 else (0, None)
        if len(a.shape) < 2 or None not in (rows, columns) and rows != columns:
            raise errors.InvalidArgumentError(
                None, None, f"Input matrix must be square, but its shape is {list(a.shape)} [Op:MatrixLogarithm]"
            )
        n = rows if rows is not None else columns
        shape = (*a.shape[:-2], n, n)
    return a.dtype, shape


@op("MatrixLogarithm", "linalg.logm", host=True, dtypes="complex64 complex128", abstract=_complex_alone)
def logm(input):
    """The principal logarithm of complex matrices [..., n, n], on the host; it has no gradient, as in TensorFlow."""
    import scipy.linalg

    if input.dtype.kind != "c":
        raise errors.InvalidArgumentError(None, None, f"{input.dtype.name} is not complex [Op:MatrixLogarithm]")
    square("MatrixLogarithm", input)
    if 0 in input.shape:
        return input
    wide = input.reshape(-1, *input.shape[-2:]).astype(np.complex128)
    logs = [scipy.linalg.logm(m) if m.size else m for m in wide]
    return np.array(logs, input.dtype).reshape(input.shape)


def _sqrtm_of_one(x):
    value = jsl.sqrtm(x)
    if jnp.iscomplexobj(x):
        return value
    real, rest = jnp.real(value), jnp.abs(jnp.imag(value))
    close = 100 * np.finfo(x.dtype).eps * jnp.max(jnp.abs(value), initial=0)
    # A real matrix need not have a real root.
    return jnp.where(jnp.all(rest <= close), real, jnp.nan).astype(x.dtype)


def _sqrtm_tangent(x, out, t):
    """The root R of x changes by the solution of R S + S R = t."""
    n = x.shape[-1]
    eye = jnp.eye(n, dtype=x.dtype)
    system = jnp.kron(out, eye) + jnp.kron(eye, out.T)
    return jnp.linalg.solve(system, t.reshape(n * n)).reshape(n, n)


_sqrtm = with_jvp(_sqrtm_of_one, _sqrtm_tangent)


@op("MatrixSquareRoot", "linalg.sqrtm matrix_square_root", name="MatrixSquareRoot", **ANY)
def sqrtm(input):
    """The principal square root of input [..., n, n]; on the CPU only."""
    square("MatrixSquareRoot", input)
    if 0 in input.shape:
        return input
    flat = input.reshape(-1, *input.shape[-2:])
    return jax.vmap(_sqrtm)(flat).reshape(input.shape)


# -- conjugate gradients ----------------------------------------------------------------------------------------------
CGState = namedtuple("CGState", "i x r p gamma")


def _dot(x, y):
    """The inner products [..., 1] of vectors [..., n]."""
    return reduce_sum(OPS["Conj"].public(x) * y if x.dtype.is_complex else x * y, -1, keepdims=True)


def _length(x):
    squares = _dot(x, x)
    return OPS["Sqrt"].public(OPS["Real"].public(squares) if squares.dtype.is_complex else squares)


@export("linalg.experimental.conjugate_gradient")
def conjugate_gradient(operator, rhs, preconditioner=None, x=None, tol=1e-5, max_iter=20, name="conjugate_gradient"):
    """Solves A x = rhs [..., n] for a self-adjoint positive definite LinearOperator A, from products with it.

    Returns (i, x, r, p, gamma): iterations done, solution, residual, direction, r . M r.  Stops at |r| <= tol |rhs|.
    Raises ValueError where the operator, or the preconditioner M, is not known to be self-adjoint and positive definite.
    """
    for thing, said in ((operator, "operator"), (preconditioner, "preconditioner")):
        if thing is not None and not (thing.is_self_adjoint and thing.is_positive_definite):
            raise ValueError(f"Expected a self-adjoint, positive definite {said}. Received: {thing}")
    with name_scope(name, "conjugate_gradient"):
        rhs = record.convert_to_tensor(rhs)
        if rhs.dtype is not operator.dtype:
            raise TypeError(f"rhs has dtype {rhs.dtype.name}, the operator {operator.dtype.name}")
        limit = _length(rhs) * np.asarray(tol, rhs.dtype.real_dtype.np)

        def conditioned(r):
            return r if preconditioner is None else preconditioner.matvec(r)

        def go_on(state):
            far = OPS["Greater"].public(_length(state.r), limit)
            return OPS["LogicalAnd"].public(state.i < max_iter, reduce_any(far))

        def step(state):
            ap = operator.matvec(state.p)
            alpha = state.gamma / _dot(state.p, ap)
            x, r = state.x + alpha * state.p, state.r - alpha * ap
            q = conditioned(r)
            gamma = _dot(r, q)
            return (CGState(state.i + 1, x, r, q + (gamma / state.gamma) * state.p, gamma),)

        if x is None:
            x, r = OPS["ZerosLike"].public(rhs), rhs
        else:
            x = record.convert_to_tensor(x)
            r = rhs - operator.matvec(x)
        p = conditioned(r)
        first = CGState(record.convert_to_tensor(0), x, r, p, _dot(r, p))
        last = while_loop(go_on, step, (first,))
        last = last[0] if isinstance(last[0], CGState) else last
        squeezed = OPS["Squeeze"].public(last.gamma, axis=[-1])
        return CGState(last.i, last.x, last.r, last.p, squeezed)

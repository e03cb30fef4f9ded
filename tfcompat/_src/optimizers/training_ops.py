"""TensorFlow's training ops (ApplyAdam, ResourceApplyAdam, SparseApplyAdagrad, ...): a formula applied to variables
in place.

Each is made from one function of formulas.py.  In a graph it is an operation that reads and writes its variables;
eagerly it is recorded at once.  Optimizers use the same formulas: one by one in graphs, all variables in one node
eagerly (apply.py).
"""

from __future__ import annotations

import inspect

from .. import errors, record
from ..declare import NAMES, OPS, OpDef
from ..engine import dispatch
from ..graph import Signature, aval, context
from ..tensor import Tensor
from . import formulas
from .apply import check_shape, check_slices


class TrainingOp:
    """A formula with its TensorFlow names: `state` (variables, the first is the one trained), `inputs`, static
    `settings`.

    kernel(*state, *inputs, **settings) -> new state; in the sparse form `indices` is the last input.
    """

    def __init__(self, name, formula, n_state, kernel=None, sparse=False):
        parameters = inspect.signature(formula).parameters.values()
        positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        self.name, self.formula, self.kernel, self.sparse = name, formula, kernel or formula, sparse
        self.state = tuple(positional[:n_state])
        inputs = [p for p in positional[n_state:] if p != "indices"]
        if sparse:
            inputs = ["grad" if p == "delta" else p for p in inputs] + ["indices"]
        self.inputs = tuple(inputs)
        self.grad = "delta" if "delta" in inputs else "grad"
        self.settings = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        self._definitions = {}
        self._signatures = {}

    def type(self, resource):
        """The op's type: ApplyAdam, ResourceApplyAdam, SparseApplyAdam, ResourceSparseApplyAdam."""
        return ("Resource" if resource else "") + ("Sparse" if self.sparse else "") + self.name

    def signature(self, resource, settings=None):
        """The Signature that maps (inputs..., state...) to the new state, in a ref op preceded by the variable's new
        value.
        """
        key = (resource, tuple(sorted(settings.items())) if settings else ())
        found = self._signatures.get(key)
        if found is None:
            found = self._signatures[key] = Signature(self._definition(resource), dict(settings or {}))
        return found

    def _definition(self, resource):
        found = self._definitions.get(resource)
        if found is None:
            n, kernel = len(self.inputs), self.kernel

            def run(*args, **settings):
                dtype = args[n].dtype
                if self.sparse:
                    args = (*args[: n - 1], formulas.none_negative(args[n - 1], args[n].shape[0]), *args[n:])
                inputs = [a.astype(dtype) if a.dtype.kind == "f" and a.dtype != dtype else a for a in args[:n]]
                new = formulas.widely(kernel, args[n:], inputs, **settings)
                return new if resource else (new[0], *new)

            run.__signature__ = inspect.Signature([inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)])
            found = OpDef(
                self.type(resource), run, name=self.type(resource), differentiable=False, alike=False, stateful=True
            )
            found.doc = self.formula.__doc__
            self._definitions[resource] = found
        return found

    def record(self, variables, inputs, settings=None, name=None, resource=True):
        """Applies the op to `variables` (the state, in order) with `inputs` (values for self.inputs, in order).

        In a graph returns the operation, or for ref variables the tensor of the variable's new value; eagerly None.
        """
        dtype = variables[0].dtype.base_dtype
        graph = context.graph
        tensors = []
        for i, (key, value) in enumerate(zip(self.inputs, inputs, strict=True)):
            free = key in ("indices", "global_step")
            if not free and isinstance(value, Tensor) and value.dtype.base_dtype is not dtype:
                raise self._other_dtype(i, key, value.dtype, dtype, resource)
            tensors.append(record.convert_to_tensor(value, None if free else dtype, name=f"{key}_{i}" if i else key))
        self._check_shapes(tensors, variables[0])
        if graph is None:
            sig = self.signature(True, settings)
            slots = tuple([t._slot for t in tensors] + [v._value._slot for v in variables])
            for v, t in zip(variables, dispatch.record(sig, slots), strict=True):
                v._set(t)
            return None
        state = tuple([v._owner for v in variables])
        resource = resource and not state[0]._is_ref_in(graph)
        sig = self.signature(resource, settings)
        full = graph.op_name(name, self.type(resource))
        a = state[0]._aval
        avals = () if resource else (aval(a.dtype._as_ref, a.shape),)
        attributes = {"ref": state[0]._handle_in(graph), "variable": state[0]}
        return record.add_op(
            graph, sig, tensors, full, reads=state, writes=state, avals=avals, single=True, attributes=attributes
        )

    def _other_dtype(self, i, key, dtype, wanted, resource):
        """The error for an input of another dtype than the variable's."""
        type = self.type(resource)
        if context.graph is not None:
            return TypeError(
                f"Input {key!r} of {type!r} Op has type {dtype.name} that does not match type {wanted.name} of "
                f"argument {self.state[0]!r}."
            )
        return errors.InvalidArgumentError(
            None, None, f"cannot compute {type} as input #{len(self.state) + i}(zero-based) was expected to be a "
            f"{wanted.name} tensor but is a {dtype.name} tensor [Op:{type}]",
        )  # fmt: skip

    def _check_shapes(self, tensors, variable):
        """A gradient has its variable's shape: else ValueError in a graph, InvalidArgumentError eagerly."""
        grad = tensors[self.inputs.index("grad" if self.sparse else self.grad)]._slot.aval.shape
        var = variable._owner._aval.shape
        try:
            if self.sparse:
                check_slices(grad, tensors[-1]._slot.aval.shape, var)
            else:
                check_shape(grad, var)
        except errors.InvalidArgumentError as e:
            if context.graph is None:
                raise
            raise ValueError(e.message) from None

    def public(self, resource):
        """The op as tf.raw_ops has it: `f(var, ..., use_locking=False, name=None)`."""
        order = [*self.state, *self.inputs]
        if self.sparse:  # TensorFlow puts the indices behind the gradient
            order.remove("indices")
            order.insert(order.index("grad") + 1, "indices")
        defaults = self.settings

        def function(*args, use_locking=False, name=None, **kwargs):
            given = dict(zip(order, args, strict=False))
            if len(args) > len(order) or set(given) & set(kwargs):
                raise TypeError(f"{self.type(resource)} takes {', '.join(order)}")
            settings = {k: kwargs.pop(k, d) for k, d in defaults.items()}
            given.update(kwargs)
            if set(given) != set(order):
                raise TypeError(f"{self.type(resource)} takes {', '.join(order)}; got {', '.join(given)}")
            variables = [given[k] for k in self.state]
            return self.record(variables, [given[k] for k in self.inputs], settings, name, resource)

        function.__name__ = function.__qualname__ = self.type(resource)
        function.__doc__ = self.formula.__doc__
        return function


def _declare(name, formula, n_state, sparse=None, resource_only=False):
    """Makes the dense op and its sparse form (`sparse`: a formula of its own; True: by rows; None: there is none);
    publishes both.
    """
    dense = TrainingOp(name, formula, n_state)
    _publish(dense, resource_only)
    if sparse is None:
        return dense, None
    if sparse is not True:
        kernel = sparse if dense.grad == "delta" else _summed(sparse, n_state + dense.inputs.index("grad"))
        return dense, TrainingOp(name, sparse, n_state, kernel, sparse=True)
    at = [i for i, k in enumerate(dense.inputs) if k == dense.grad][0]
    raw = TrainingOp(name, formula, n_state, formulas.one_by_one(formula, n_state, at), sparse=True)
    _publish(raw, resource_only)
    return dense, row_wise(dense)


def _summed(kernel, at):
    """`kernel` behind a sum over duplicate indices; `at`: position of the gradient among all its arguments."""

    def apply(*args, **settings):
        args = list(args)
        args[at], args[-1] = formulas.sum_duplicates(args[at], args[-1], args[0].shape[0])
        return kernel(*args, **settings)

    return apply


def row_wise(training_op):
    """The sparse form of a dense op that optimizers use: duplicates summed, then only rows looked up are touched."""
    at, n = training_op.inputs.index(training_op.grad), len(training_op.state)
    kernel = _summed(formulas.rows(training_op.formula, n, at), n + at)
    return TrainingOp(training_op.name, training_op.formula, n, kernel, sparse=True)


def _publish(training_op, resource_only):
    for resource in (True,) if resource_only else (False, True):
        function = training_op.public(resource)
        definition = training_op._definition(resource)
        OPS[definition.type] = definition
        definition.public = function
        for face in ("v1", "v2"):
            NAMES[face][f"raw_ops.{definition.type}"] = function


gradient_descent, sparse_gradient_descent = _declare(
    "ApplyGradientDescent", formulas.gradient_descent, 1, formulas.sparse_gradient_descent
)
momentum, sparse_momentum = _declare("ApplyMomentum", formulas.momentum, 2, True)
keras_momentum, sparse_keras_momentum = _declare(
    "ApplyKerasMomentum", formulas.keras_momentum, 2, True, resource_only=True
)
adam, sparse_adam = _declare("ApplyAdam", formulas.adam, 3, formulas.sparse_adam)
amsgrad, sparse_amsgrad = _declare(
    "ApplyAdamWithAmsgrad", formulas.adam_with_amsgrad, 4, formulas.sparse_adam_with_amsgrad, resource_only=True
)
ada_max, _ = _declare("ApplyAdaMax", formulas.ada_max, 3)
adagrad, sparse_adagrad = _declare("ApplyAdagrad", formulas.adagrad, 2, True)
adagrad_v2, sparse_adagrad_v2 = _declare("ApplyAdagradV2", formulas.adagrad_v2, 2, True)
adagrad_da, sparse_adagrad_da = _declare("ApplyAdagradDA", formulas.adagrad_da, 3, True)
adadelta, sparse_adadelta = _declare("ApplyAdadelta", formulas.adadelta, 3, True)
rms_prop, sparse_rms_prop = _declare("ApplyRMSProp", formulas.rms_prop, 3, True)
centered_rms_prop, sparse_centered_rms_prop = _declare("ApplyCenteredRMSProp", formulas.centered_rms_prop, 4, True)
ftrl, sparse_ftrl = _declare("ApplyFtrl", formulas.ftrl, 3, True)
ftrl_v2, sparse_ftrl_v2 = _declare("ApplyFtrlV2", formulas.ftrl_v2, 3, True)
proximal_gradient_descent, sparse_proximal_gradient_descent = _declare(
    "ApplyProximalGradientDescent", formulas.proximal_gradient_descent, 1, True
)
proximal_adagrad, sparse_proximal_adagrad = _declare("ApplyProximalAdagrad", formulas.proximal_adagrad, 2, True)
add_sign, _ = _declare("ApplyAddSign", formulas.add_sign, 2)
power_sign, _ = _declare("ApplyPowerSign", formulas.power_sign, 2)
# No op of TensorFlow's: contrib computed it in Python.
sparse_nadam = TrainingOp(
    "ApplyAdam", formulas.sparse_nadam, 3, _summed(formulas.sparse_nadam, 3 + adam.inputs.index("grad")), sparse=True
)

"""The language of the op table: how to draw the inputs of an op, and the calls that follow from one row.

    row("math.log", on(f(2, 3, low=0.1)), dtypes=FLOATS)          # one op, one form, in four dtypes
    row("concat", on([f(2, 3), f(1, 3)], 0), on([f(2, 3), f(2, 1)], axis=-1), on([f(2, 3), f(1, 2)], 0))
    unary("sin cos math.expm1")                                   # families: the usual forms of a unary op
    row("v1:squeeze", on(f(1, 3, 1), squeeze_dims=[0]))           # a name of tf.compat.v1
    row("map_fn", on(f(3, 2)), call=lambda tf, x: tf.map_fn(lambda v: v * 2.0, x))

What is drawn becomes a tensor; what is a Python value (a list, a number, None, text) is handed over as it stands.

    f(2, 3, low=, high=)   uniform in the row's dtype (its first; the first form in all of them)
    i(2, 3, low=, high=, dtype="int32")   integers, high included
    b(3)   booleans                 c(3)   complex64
    s("a", "b")   strings           at([1, 2], dtype=None)   exactly these, in the row's dtype unless one is given

A form that must fail needs no mark: whether it fails, and with which exception, is what TensorFlow says.

Everything drawn depends on the text of the call alone, so a row can move, and others be added, without changing it.
This module needs NumPy only: TensorFlow's interpreter reads it, too.
"""

import zlib

import numpy as np

FLOATS = "float32 float64 float16 bfloat16"
REALS = FLOATS + " int32 int64 uint8 int8"
NUMBERS = REALS + " complex64"
EVERY = NUMBERS + " bool string"
MOVED = "float32 int64 bool string complex64 bfloat16"  # what is only moved about
INTS = "int32 int64 uint8 int8 int16 uint16 uint32 uint64"

ROWS: dict = {}  # name -> Row
WIDTH = {"float16": "half", "bfloat16": "half", "float32": "single", "complex64": "single"}
TOLERANCE = {"half": (2e-2, 2e-2), "single": (2e-5, 2e-6)}  # (relative, of the largest number)


# -- inputs -----------------------------------------------------------------------------------------------------------
class Draw:
    """One tensor to be: what it is made from, and how it is written."""

    def __init__(self, text, make, dtype=None):
        self.text, self.make, self.dtype = text, make, dtype

    def __repr__(self):
        return self.text


def _written(letter, shape, **options):
    said = [str(n) for n in shape] + [f"{k}={v!r}" for k, v in options.items() if v is not None]
    return f"{letter}({', '.join(said)})"


def f(*shape, low=-2.0, high=2.0, dtype=None):
    """Uniform between `low` and `high` in the row's dtype (whole numbers where that is one)."""
    said = {"low": low if low != -2.0 else None, "high": high if high != 2.0 else None, "dtype": dtype}

    def make(rng, dtype):
        if dtype == "bool":
            return rng.integers(0, 2, shape).astype(bool)
        if dtype == "string":
            return _text(np.array(rng.integers(0, 5, shape), object))
        if dtype.startswith(("int", "uint")):
            first = max(int(np.ceil(low)), 0 if dtype[0] == "u" else -100)
            return rng.integers(first, max(int(np.floor(high)), first) + 1, shape).astype(dtype)
        value = rng.uniform(low, high, shape)
        if dtype.startswith("complex"):
            value = value + 1j * rng.uniform(low, high, shape)
        return np.asarray(value, np.float32 if dtype == "bfloat16" else dtype)

    return Draw(_written("f", shape, **said), make, dtype)


def _text(values):
    out = np.empty(values.shape, object)
    flat = [v if isinstance(v, bytes) else str(v).encode() for v in values.ravel().tolist()]
    out.ravel()[...] = flat if out.ndim else flat[0]
    if not out.ndim:
        out[()] = flat[0]
    return out


def i(*shape, low=0, high=5, dtype="int32"):
    said = {"low": low or None, "high": high if high != 5 else None, "dtype": dtype if dtype != "int32" else None}
    return Draw(_written("i", shape, **said), lambda rng, d: rng.integers(low, high + 1, shape).astype(d), dtype)


def b(*shape):
    return Draw(_written("b", shape), lambda rng, d: rng.integers(0, 2, shape).astype(bool), "bool")


def c(*shape):
    return f(*shape, dtype="complex64")


def at(values, dtype=None):
    """Exactly these numbers (or bytes, or booleans)."""
    said = f"at({values!r}" + (")" if dtype is None else f", {dtype!r})")

    def make(rng, dtype):
        if dtype == "string":
            return _text(np.array(values, object))
        with np.errstate(all="ignore"):
            return np.array(values).astype(np.float32 if dtype == "bfloat16" else dtype)

    return Draw(said, make, dtype)


def s(*texts):
    """A vector of strings; `s()` of one list gives that shape, as in s([["a"], ["b"]])."""
    values = texts[0] if len(texts) == 1 else list(texts)
    values = [[t.encode() for t in r] if isinstance(r, list) else r.encode() for r in values] if isinstance(values, list) else values.encode()  # fmt: skip
    return Draw(f"s({', '.join(map(repr, texts))})", lambda rng, d: _text(np.array(values, object)), "string")


# -- rows -------------------------------------------------------------------------------------------------------------
class Form:
    def __init__(self, args, settings):
        self.args, self.settings = args, settings
        said = [repr(a) for a in args] + [f"{k}={v!r}" for k, v in settings.items()]
        self.text = ", ".join(said)


def on(*args, **settings):
    """One form of calling an op."""
    return Form(args, settings)


class Row:
    """An op's line of the table."""

    def __init__(self, name, forms, dtypes, grad, slope, rtol, call, compare, shapes, seed):
        self.name, self.forms, self.dtypes = name, forms, dtypes.split()
        self.grad, self.slope = grad, grad and slope in (True, "float32") and slope
        self.rtol, self.call = rtol, call
        self.compare, self.shapes, self.seed = compare.split(), shapes, seed
        self.calls = self._calls()

    def present(self, tf):
        """Whether `tf` has what the row is named after."""
        try:
            self._named(tf)
            return True
        except AttributeError:
            return False

    def function(self, tf):
        """What this row calls, as a function of its arguments."""
        if self.call is not None:
            return lambda *args, **settings: self.call(tf, *args, **settings)
        return self._named(tf)

    def _named(self, tf):
        face, _, name = self.name.partition("/")[0].rpartition(":")
        thing = tf.compat.v1 if face == "v1" else tf
        for part in name.split("."):
            thing = getattr(thing, part)
        return thing

    def share(self, every):
        """Every so many-th of the calls, one at least; which one is the first differs from row to row, and is the same tomorrow."""
        first = zlib.crc32(self.name.encode()) % min(every, max(len(self.calls), 1))
        return self.calls[first::every]

    def _calls(self):
        calls = [Call(self, form, self.dtypes[0], True) for form in self.forms]
        return calls + [Call(self, self.forms[0], dtype, False) for dtype in self.dtypes[1:]]


class Call:
    """One call of an op with everything decided: id, arrays, settings."""

    def __init__(self, row, form, dtype, full):
        self.row, self.form, self.dtype = row, form, dtype
        self.full = full  # also tried with unknown shapes; the forms in further dtypes are not
        said = f"tf.{row.name}" if ":" not in row.name else "tf.compat.v1." + row.name.partition(":")[2]
        self.id = f"{said}({form.text})" + ("" if full else f" {dtype}")
        rng = np.random.default_rng(zlib.crc32(self.id.encode()))
        self.leaves = []  # (array, dtype name) of every tensor
        self.plan = [self._plan(a, rng) for a in form.args]
        self.settings = {k: self._plan(v, rng) for k, v in form.settings.items()}

    def _plan(self, value, rng):
        if isinstance(value, Draw):
            dtype = value.dtype or self.dtype
            self.leaves.append((value.make(rng, dtype), dtype))
            return _Place(len(self.leaves) - 1)
        if isinstance(value, (list, tuple)):
            return type(value)([self._plan(v, rng) for v in value])
        return value

    def tolerance(self, dtype):
        rtol, atol = TOLERANCE.get(WIDTH.get(dtype), (1e-9, 1e-10))
        if self.row.rtol and dtype not in ("float16", "bfloat16"):
            rtol = max(rtol, self.row.rtol) if WIDTH.get(dtype) == "single" else max(rtol, self.row.rtol * 1e-3)
            atol = max(atol, rtol / 10)
        return rtol, atol

    @property
    def sources(self):
        """Positions of the tensors TensorFlow is asked for gradients by."""
        if not self.row.grad or self.dtype not in ("float32", "float64", "complex64"):
            return []
        floats = [p for p, (_, d) in enumerate(self.leaves) if d in ("float32", "float64", "complex64", "complex128")]
        return floats if self.row.grad is True else [int(p) for p in self.row.grad if int(p) in floats]

    def apply(self, tf, tensors):
        """Calls the op with these tensors in their places."""
        args = [_filled(a, tensors) for a in self.plan]
        return self.row.function(tf)(*args, **{k: _filled(v, tensors) for k, v in self.settings.items()})

    def line(self):
        """The call as a line of Python that can be pasted after `import numpy as np, tensorflow as tf`."""
        tensors = [_literal(a, d) for a, d in self.leaves]
        said = [_spelled(a, tensors) for a in self.plan] + [
            f"{k}={_spelled(v, tensors)}" for k, v in self.settings.items()
        ]
        head = self.id.partition("(")[0]
        if self.row.call is not None:
            head += " as in the row's lambda, on "
        return f"{head}({', '.join(said)})"


class _Place(int):
    """Where the n-th tensor goes."""


def _filled(value, tensors):
    if isinstance(value, _Place):
        return tensors[value]
    if isinstance(value, (list, tuple)):
        return type(value)([_filled(v, tensors) for v in value])
    return value


def _spelled(value, tensors):
    if isinstance(value, _Place):
        return tensors[value]
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_spelled(v, tensors) for v in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner},)"
    return repr(value)


def _literal(array, dtype):
    if array.size > 100:
        return f"<{dtype} {list(array.shape)}>"
    values = repr(array.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    if not array.size and array.ndim != 1:
        values = f"np.zeros({array.shape})"
    return f"tf.constant({values}, {dtype!r})"


def row(names, *forms, dtypes="float32", grad=True, slope=True, rtol=None, call=None, compare="value dtype", shapes=True, seed=None):  # fmt: skip
    """One row for each of these names.

    dtypes   of what `f` and `at` draw; the first form is called in all of them, the others in the first
    grad     whether gradients are compared (True: by every floating tensor; "02": by these)
    slope    whether the gradient is the slope of the function, to be checked against differences; "float32": it is, of a function that computes
             in float32 only; other text: it is not, and why
    rtol     relative tolerance in float32, where 2e-5 is too close: say why
    compare  "dtype": the numbers are not compared, with the reason beside it
    shapes   False: no static shapes, for what is no op of a graph
    seed     tf.random.set_seed(seed) before every call
    """
    for name in names.split():
        if name in ROWS:
            raise ValueError(f"two rows for {name}")
        ROWS[name] = Row(name, forms, dtypes, grad, slope, rtol, call, compare, shapes, seed)


# -- families ---------------------------------------------------------------------------------------------------------
EDGES = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, -2.5]


def unary(names, low=-2.0, high=2.0, dtypes=EVERY, edges=EDGES, **options):
    """Ops of one tensor: a matrix in every dtype, a scalar, empty, size 1, a Python number, a list, and the edges of the reals."""
    x = lambda *shape: f(*shape, low=low, high=high)
    forms = [on(x(2, 3)), on(x()), on(x(0, 3)), on(x(1, 1)), on([[0.5, 0.75]])]
    row(names, *forms, on(at(edges)), dtypes=dtypes, **options)


def binary(names, low=-2.0, high=2.0, dtypes=EVERY, edges=True, low2=None, **options):
    """Ops of two tensors of one dtype: broadcasting, empty, Python numbers on either side, shapes and dtypes that do not fit."""
    x = lambda *shape: f(*shape, low=low, high=high)
    y = lambda *shape: f(*shape, low=low if low2 is None else low2, high=high)
    forms = [
        on(x(2, 3), y(2, 3)),
        on(x(2, 1, 3), y(4, 1)),
        on(x(), y(3)),
        on(x(0, 3), y(3)),
        on(x(1), y(2, 3)),
        on(x(2, 3), 1.5),
    ]
    forms += [on(2.0, y(2)), on(x(2, 3), y(2, 4)), on(x(2), f(2, low=0.5, dtype="float64"))]
    if edges:
        forms.append(on(at([[v] for v in EDGES[:7]]), at([0.0, 1.0, -2.0, np.inf, np.nan])))
    row(names, *forms, dtypes=dtypes, **options)


def reduction(names, low=-2.0, high=2.0, dtypes=EVERY, keep="keepdims", axis="axis", **options):
    """Reductions: no axis, each kind of axis, several, none of them, negative ones, kept, empty inputs, axes out of range."""
    x = lambda *shape: f(*shape, low=low, high=high)
    forms = [on(x(2, 3)), on(x()), on(x(0, 3)), on(x(2, 0, 3), **{axis: 1})]
    for a in (0, -1, [0, 2], [], [-1, 1], (1,), [0, 0], 3, -4):
        forms.append(on(x(2, 3, 4), **{axis: a}))
    forms += [on(x(2, 3, 4), **{axis: [0, -1], keep: True}), on(x(2, 3), **{keep: True})]
    row(names, *forms, dtypes=dtypes, **options)

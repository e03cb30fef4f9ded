"""What one side says to a call of the table: values, dtypes, static shapes, gradients, errors.  `tf` is TensorFlow or tfcompat."""

import contextlib
import signal

import numpy as np

PATIENCE = 10  # seconds for building one graph; thirty times that for computing a row
UNKNOWN = ("known", "rows", "dims", "rank")  # how much of the inputs' shapes a graph is told


def weights(shape):
    """Fixed output gradients that differ from place to place."""
    n = int(np.prod(shape, dtype=int))
    return (1.2 + np.cos(np.arange(n))).reshape(shape)


def flat(tf, out):
    """The tensors of an answer as a flat list; what is neither tensor nor structure (an Operation, None) is left out."""
    if isinstance(out, tf.SparseTensor):
        return [out.indices, out.values, out.dense_shape]
    if isinstance(out, tf.IndexedSlices):
        return [out.values, out.indices]
    ragged = getattr(tf, "RaggedTensor", None)
    if ragged is not None and isinstance(out, ragged):
        return [out.flat_values, *out.nested_row_splits]
    if isinstance(out, dict):
        return [leaf for key in sorted(out) for leaf in flat(tf, out[key])]
    if isinstance(out, (list, tuple)):
        return [leaf for part in out for leaf in flat(tf, part)]
    if isinstance(out, (tf.Tensor, tf.Variable)):
        return [out]
    if isinstance(out, (bool, int, float, str, bytes, np.ndarray, np.generic)):
        return [np.asarray(out)]
    if isinstance(out, tf.TensorShape):
        return [np.asarray(repr(out.as_list() if out.rank is not None else None))]
    return []


def tensors_of(tf, call):
    return [tf.constant(a, dtype=d, shape=a.shape) for a, d in call.leaves]


def described(e):
    """An exception as text: its class (of tf.errors or Python), then what it says."""
    kind = type(e)
    while kind.__name__.startswith("_") and kind is not Exception:
        kind = kind.__mro__[1]
    return f"{kind.__name__}: {str(e)[:300]}"


def plain(value):
    """(dtype name, array) of a tensor's value; bfloat16 and its like as float32."""
    if isinstance(value, np.ndarray):
        return (value.dtype.name if value.dtype.kind != "U" else "str", value)
    array = np.asarray(value.numpy())
    dtype = value.dtype.name.removesuffix("_ref")
    if array.dtype.kind == "V" or dtype.startswith(("bfloat", "float8", "int4", "uint4")):
        array = array.astype(np.float32)
    return dtype, array


class Late(BaseException):
    """A call took too long; no Exception, so that nobody on the way takes it for his own."""


@contextlib.contextmanager
def limit(seconds):
    """Raises Late in what takes longer: every second anew, for Python drops what is raised in a weakref's callback or in `__del__`."""
    over = False

    def late(number, frame):
        if not over:
            raise Late(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# -- values and gradients ---------------------------------------------------------------------------------------------
def start(tf, call):
    """Makes the call eagerly, with its gradients: tensors that may be pending, or the exceptions."""
    answer = {"value": None, "gradient": None}
    try:
        inputs = tensors_of(tf, call)
    except Exception as e:
        return {"value": f"input: {described(e)}", "gradient": None}
    sources = [inputs[p] for p in call.sources]
    if call.row.seed is not None:
        tf.random.set_seed(call.row.seed)
    with tf.GradientTape() as tape:
        tape.watch(sources)
        try:
            answer["value"] = flat(tf, call.apply(tf, inputs))
        except Exception as e:
            answer["value"] = described(e)
    if sources and isinstance(answer["value"], list):
        targets = [
            y for y in answer["value"] if not isinstance(y, np.ndarray) and (y.dtype.is_floating or y.dtype.is_complex)
        ]
        if targets:
            try:
                answer["gradient"] = _gradient(tf, tape, targets, sources)
            except Exception as e:
                answer["gradient"] = described(e)
    return answer


def _gradient(tf, tape, targets, sources):
    seeds = [tf.cast(tf.constant(weights(y.shape)), y.dtype) for y in targets]
    grads = tape.gradient(targets, sources, output_gradients=seeds)
    return [None if g is None else tf.convert_to_tensor(g) for g in grads]


def finish(answer):
    """The arrays of an answer; raises what computing them raises."""
    for part in ("value", "gradient"):
        found = answer[part]
        if isinstance(found, list):
            answer[part] = [None if t is None else plain(t) for t in found]
    return answer


def compute(tf, calls):
    """[answers] of `calls`, all recorded before the first is asked for: tfcompat then compiles one program for them.

    Where that program fails it is cut in half, until the call that fails stands alone.
    """
    answers = [start(tf, call) for call in calls]
    try:
        return [finish(dict(a)) for a in answers]
    except Exception as e:
        if len(calls) == 1:
            return [_alone(answers[0], e)]
    half = len(calls) // 2
    return compute(tf, calls[:half]) + compute(tf, calls[half:])


def _alone(answer, e):
    try:
        value = finish({"value": answer["value"], "gradient": None})["value"]
        return {"value": value, "gradient": described(e)}
    except Exception as e:
        return {"value": described(e), "gradient": None}


# -- static shapes ----------------------------------------------------------------------------------------------------
def told(array, how):
    """The shape a placeholder of this array is given."""
    return {
        "known": list(array.shape),
        "rows": [None, *array.shape[1:]] if array.ndim else [],
        "dims": [None] * array.ndim,
        "rank": None,
    }[how]


def static(tf, call):
    """({how: [dtype and static shape of every output], or the exception}, op types met) while building a graph."""
    found, types = {}, set()
    if not call.row.shapes:
        return found, types
    for how in UNKNOWN if call.full else UNKNOWN[:1]:
        graph = tf.Graph()
        with graph.as_default():
            try:
                with limit(PATIENCE):
                    inputs = [tf.compat.v1.placeholder(d, told(a, how)) for a, d in call.leaves]
                    found[how] = [_known(t) for t in flat(tf, call.apply(tf, inputs))]
            except (Exception, Late) as e:
                found[how] = described(e)
            types.update(o.type for o in graph.get_operations())
    return found, types


def _known(t):
    if isinstance(t, np.ndarray):
        return ("host", None)
    return (t.dtype.name.removesuffix("_ref"), None if t.shape.rank is None else tuple(t.shape.as_list()))


def evaluate(tf, calls):
    """[{"value", "gradient", "static", "types"}] of `calls`."""
    try:
        with limit(30 * PATIENCE):
            answers = compute(tf, calls)
    except Late as e:
        answers = [{"value": described(e), "gradient": None} for _ in calls]
    for call, answer in zip(calls, answers):
        answer["static"], answer["types"] = static(tf, call)
    return answers

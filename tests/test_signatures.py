"""Argument names, their order and defaults: TensorFlow 2.21's, for every symbol we have, on both faces.

What TensorFlow has is in goldens/signatures.txt.  DEVIATIONS lists what differs and stays, with the reason; all else must be equal.
"""

import enum
import fnmatch
import inspect
import pathlib
import re

import pytest

from tfcompat._src import library  # noqa: F401 - importing it declares everything
from tfcompat._src.declare import NAMES

FILE = pathlib.Path(__file__).parent / "goldens" / "signatures.txt"
SAME = {"=UnconnectedGradients": "='none'"}  # an enumeration's default, by its value
OPEN = ("*args, **kwargs", "*args, **kwds")  # what TensorFlow's wrappers and named tuples show: nothing to compare with
PLAIN = (bool, int, float, str, bytes, type(None))

# Pattern of names -> why our parameters are not TensorFlow's.  A pattern that covers no difference fails.
DEVIATIONS = {
    "*DType": "handle_data is private to TensorFlow's C++ handles",
    "data.Dataset": "not for users to construct: ours is made of a Python iteration, theirs of a C++ variant tensor",
    "data.Iterator": "not for users to construct, likewise",
    "*flags.DEFINE_*": "defaults that the old tf.app.flags had, which scripts still use, and absl's does not",
    "*flags.Flag": "absl's internals: parser and serializer objects",
    "*flags.FlagHolder": "absl's internals",
    "*flags.FlagValues.get_help": "absl's internals",
    "nest.pack_sequence_as": "sequence_fn, which TensorFlow 1 had, is kept",
    "print": "the keyword arguments TensorFlow takes out of **kwargs, spelled out",
    "*keras.optimizers.deserialize": "takes and ignores what TensorFlow 2's older versions passed",
    "optimizers.deserialize": "takes and ignores what TensorFlow 2's older versions passed",
    "optimizers.*.add_variable_from_reference": "also takes the names of the legacy optimizers",
    "optimizers.*.apply_gradients": "also takes the names of the legacy optimizers",
    "optimizers.*.build": "Keras 3's name of the argument; var_list was the legacy one",
    "optimizers.*.update_step": "Keras 3's name of the argument",
    "test.TestCase.assert*": "Python's own unittest signatures, newer than TensorFlow's copies",
    "test.TestCase.fail": "Python's own",
    "sparse.split": "keyword_required stands for no value at all",
    "sparse_split": "keyword_required stands for no value at all",
    "convert_to_tensor": "as_ref, which TensorFlow 1 had, is kept (tf.compat.v1)",
    "debugging.enable_check_numerics": "refused by name",
    "debugging.experimental.*": "refused by name",
    "*nn.fractional_*_pool": "refused by name",
    "*optimizers.LossScaleOptimizer": "dynamic, which TensorFlow 2.4 to 2.15 had, is kept",
    "*size": "out_type=None means int32 in TensorFlow; here the default says so",
    "*initializers.Glorot*": "without Keras 3.13's input_axes and output_axes, which no tutorial has",
    "*initializers.He*": "likewise",
    "*initializers.Lecun*": "likewise",
    "*initializers.VarianceScaling": "likewise",
    "*initializers.glorot_*": "likewise",
    "*initializers.he_*": "likewise",
    "*initializers.lecun_*": "likewise",
    "*initializers.variance_scaling": "likewise",
}


def recorded(face):
    """{name: text of its parameters} of TensorFlow's face."""
    found = {}
    for line in FILE.read_text().splitlines():
        flag, _, rest = line.partition(" ")
        if flag in ("=", face[1]):
            name, _, parameters = rest.partition("(")
            parameters = parameters[:-1].removeprefix("cls, ")
            for theirs, ours in SAME.items():
                parameters = parameters.replace(theirs, ours)
            if parameters not in OPEN:
                found[name] = parameters
    return found


def excused(name):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in DEVIATIONS)


def default(value):
    """A default as the listing writes it: plain values and what is made of them, else the name of its type."""
    if isinstance(value, enum.Enum) or not isinstance(value, (*PLAIN, list, tuple, dict)):
        return type(value).__name__
    return repr(value)


def written(thing):
    """The parameters of a function or class, in TensorFlow's manner of listing; None where Python cannot say."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return None
    said = []
    for p in signature.parameters.values():
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        said.append(stars + p.name + ("" if p.default is p.empty else "=" + default(p.default)))
    return ", ".join(said)


def methods(name, theirs):
    """The methods TensorFlow lists for a class."""
    return [n for n in theirs if n.startswith(name + ".") and "." not in n[len(name) + 1 :]]


def differences(face):
    """{symbol: (our parameters, TensorFlow's)} of all that are not equal."""
    theirs, found = recorded(face), {}
    for name, thing in sorted(NAMES[face].items()):
        if name not in theirs or not callable(thing):
            continue
        found[name] = (written(thing), theirs[name])
        if isinstance(thing, type):
            for method in methods(name, theirs):
                ours = getattr(thing, method.rpartition(".")[2], None)
                if callable(ours):
                    bound = isinstance(
                        inspect.getattr_static(thing, method.rpartition(".")[2]), (classmethod, staticmethod, type)
                    )
                    text = written(ours)
                    found[method] = (
                        text if bound or text is None else re.sub(r"^[^,]*(, )?", "", text),
                        theirs[method],
                    )
    # A default [1, 1] may be a tuple here: the same numbers, which nobody can change.
    return {name: pair for name, pair in found.items() if pair[0] is not None and _tuples(pair[0]) != _tuples(pair[1])}


def _tuples(text):
    return text.replace("[", "(").replace("]", ")")


@pytest.mark.parametrize("face", ["v1", "v2"])
def test_signatures_are_tensorflows(face):
    found = differences(face)
    wrong = {n: pair for n, pair in found.items() if not excused(n)}
    assert not wrong, "\n".join(
        f"\ntf.{'compat.v1.' if face == 'v1' else ''}{n}\n  ours        {a}\n  TensorFlow  {b}"
        for n, (a, b) in wrong.items()
    )


def test_deviations_are_deviations():
    found = [*differences("v1"), *differences("v2")]
    stale = [p for p in DEVIATIONS if not any(fnmatch.fnmatchcase(n, p) for n in found)]
    assert not stale, f"these agree with TensorFlow by now: {stale}"

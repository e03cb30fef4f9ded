"""A script is run in the manners of its time: NumPy as scripts of 2016-2020 knew it, names Python has dropped since.

Only the launcher does this (tfcompat.install() does not): it changes modules for the whole process.  What NumPy or
Python still has stays as it is; only names and arguments that are gone come back, each with the meaning it had.
"""

import builtins
import functools
import os
import sys
import sysconfig
import warnings


def adopt():
    """Everything that concerns NumPy and the standard library; libraries follow as the script imports them."""
    from tfcompat.launch import libraries

    _quiet_warnings()
    _standard_library()
    if "numpy" in sys.modules:
        _numpy(sys.modules["numpy"])
    libraries.watch()


def _quiet_warnings():
    """Today's Python warns of "\\d", NumPy of names it will drop; the user who asks for warnings (-W) gets them."""
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", category=SyntaxWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)


# -- the standard library ---------------------------------------------------------------------------------------------


def _standard_library():
    import collections
    import collections.abc
    import inspect
    import time

    for name in collections.abc.__all__:
        if not hasattr(collections, name):
            setattr(collections, name, getattr(collections.abc, name))
    if not hasattr(time, "clock"):
        time.clock = time.perf_counter
    if not hasattr(inspect, "getargspec"):
        inspect.ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")
        inspect.getargspec = lambda function: inspect.ArgSpec(*inspect.getfullargspec(function)[:4])


# -- NumPy ------------------------------------------------------------------------------------------------------------

_ALIASES = {
    # what the name meant in NumPy 1.x: a name of today's NumPy, or of Python itself
    "builtins": "object str complex int float bool unicode=str long=int",
    "numpy": """
        Inf=inf Infinity=inf infty=inf PINF=inf NaN=nan NAN=nan float_=float64 complex_=complex128 cfloat=complex128
        longfloat=longdouble singlecomplex=complex64 longcomplex=clongdouble clongfloat=clongdouble
        unicode_=str_ string_=bytes_ str0=str_ bytes0=bytes_ object0=object_ void0=void bool8=bool_ int0=intp
        uint0=uintp round_=round product=prod cumproduct=cumprod alltrue=all sometrue=any row_stack=vstack
        trapz=trapezoid mat=asmatrix rank=ndim issubsctype=issubdtype
    """,
}


def _numpy(np):
    """Puts NumPy 1.x names back, and prints scalars as NumPy 1.x did: 9.0, not np.float32(9.0)."""
    if int(np.__version__.partition(".")[0]) >= 2:
        _print_plainly(np)
    for owner, text in _ALIASES.items():
        for item in text.split():
            name, _, now = item.partition("=")
            value = getattr(builtins if owner == "builtins" else np, now or name, None)
            if value is not None and not _has(np, name):
                setattr(np, name, value)
    own = {"NINF": -np.inf, "PZERO": 0.0, "NZERO": -0.0, "cast": _Cast(np), "asscalar": lambda a: a.item(),
           "in1d": lambda a, b, *args, **kwargs: np.isin(np.ravel(a), b, *args, **kwargs),
           "msort": lambda a: np.sort(a, axis=0), "asfarray": functools.partial(_asfarray, np),
           "find_common_type": functools.partial(_find_common_type, np)}  # fmt: skip
    for name, value in own.items():
        if not _has(np, name):
            setattr(np, name, value)
    for module, name, value in ((np.lib, "pad", np.pad), (np.linalg, "linalg", np.linalg)):
        if not _has(module, name):
            setattr(module, name, value)
    for name, second_try in _SECOND_TRIES.items():
        setattr(np, name, _forgiving(np, getattr(np, name), second_try))


def _has(module, name):
    if name in vars(module):
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hasattr(module, name)


def _print_plainly(np):
    """NumPy keeps print options per thread; a thread that starts later starts with ours."""
    import threading

    np.set_printoptions(legacy="1.25")
    run = threading.Thread.run

    @functools.wraps(run)
    def run_with_options(self):
        np.set_printoptions(legacy="1.25")
        run(self)

    threading.Thread.run = run_with_options


class _Cast(dict):
    """np.cast["float32"](x), np.cast[np.int64](x)."""

    def __init__(self, np):
        self._np = np

    def __missing__(self, dtype):
        return lambda a: self._np.asarray(a).astype(dtype)


def _asfarray(np, a, dtype=float):
    """a as an array of a floating type."""
    return np.asarray(a, dtype if np.issubdtype(dtype, np.inexact) else float)


def _find_common_type(np, array_types, scalar_types):
    """The dtype that fits all array types, and the scalar types where they are of a higher kind."""
    arrays = [np.dtype(t) for t in array_types]
    scalars = [np.dtype(t) for t in scalar_types]
    both = [functools.reduce(np.promote_types, kinds) if kinds else None for kinds in (arrays, scalars)]
    if both[0] is None or both[1] is None:
        return both[0] if both[1] is None else both[1]
    return both[1] if "?buifc".find(both[1].kind) > "?buifc".find(both[0].kind) else both[0]


def _forgiving(np, function, second_try):
    """`function`; where it refuses a call that the script itself makes, what an older NumPy would have answered."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except (TypeError, ValueError) as error:
            if not _is_script(sys._getframe(1).f_code.co_filename):
                raise
            again = second_try(np, function, error, args, kwargs)
            if again is None:
                raise
            return again()

    return call


_LIBRARIES = tuple(
    {os.path.join(sysconfig.get_path(p), "") for p in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")}
)


def _is_script(filename):
    """Whether code of this file is the user's rather than a library's: a library that expects the error gets it."""
    return not filename.startswith(_LIBRARIES) and not filename.startswith("<frozen")


def _array(np, function, error, args, kwargs):
    if "inhomogeneous" in str(error) and kwargs.get("dtype", args[1] if len(args) > 1 else None) is None:
        return functools.partial(function, args[0], **(kwargs | {"dtype": object}))
    if "Unable to avoid copy" in str(error) and kwargs.get("copy") is False:
        return functools.partial(function, *args, **(kwargs | {"copy": None}))
    return None


def _listed(np, function, error, args, kwargs):
    if args and hasattr(args[0], "__next__"):
        return functools.partial(function, list(args[0]), *args[1:], **kwargs)
    return None


def _sum(np, function, error, args, kwargs):
    return functools.partial(builtins.sum, args[0]) if len(args) == 1 and hasattr(args[0], "__next__") else None


def _reshape(np, function, error, args, kwargs):
    if "newshape" in kwargs:
        kwargs = dict(kwargs)
        return functools.partial(function, *args, kwargs.pop("newshape"), **kwargs)
    return None


def _fromstring(np, function, error, args, kwargs):
    if "binary mode" in str(error):
        kwargs = {k: v for k, v in kwargs.items() if k != "sep"}
        return lambda: np.frombuffer(*args[:3], **kwargs).copy()
    return None


# Calls that NumPy 1.x took and NumPy 2 refuses.
_SECOND_TRIES = {"array": _array, "sum": _sum, "reshape": _reshape, "fromstring": _fromstring,
                 "vstack": _listed, "hstack": _listed, "concatenate": _listed, "stack": _listed}  # fmt: skip

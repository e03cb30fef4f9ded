"""Names that libraries had when tutorials were written, put back as the script imports the library and not before."""

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types


def watch():
    """From now on a library in _FIXES is mended after its first import, and modules in _GONE can be imported again."""
    for name in _FIXES:
        if name in sys.modules:
            _FIXES[name](sys.modules[name])
    sys.meta_path.insert(0, _Watcher())
    sys.meta_path.append(_Returned())


class _Watcher(importlib.abc.MetaPathFinder):
    """Lets the other finders find a module of _FIXES and adds the mending to its loader."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in _FIXES:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Mending(spec.loader, _FIXES[fullname])
                return spec
        return None


class _Mending(importlib.abc.Loader):
    """A loader that mends the module once the loader it stands for has filled it."""

    def __init__(self, loader, mend):
        self._loader, self._mend = loader, mend

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._mend(module)


class _Returned(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The last finder asked: modules that are gone, where nothing installed has the name."""

    def find_spec(self, fullname, path=None, target=None):
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True) if fullname in _GONE else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        vars(module).update(_GONE[module.__name__]())


# -- libraries that are still there -----------------------------------------------------------------------------------


def _fractions(fractions):
    import math

    if not hasattr(fractions, "gcd"):
        fractions.gcd = math.gcd


def _pil_image(image):
    for old, new in (("ANTIALIAS", "LANCZOS"), ("LINEAR", "BILINEAR"), ("CUBIC", "BICUBIC")):
        if not hasattr(image, old):
            setattr(image, old, getattr(image, new))


def _pandas(pandas):
    frame, series = pandas.DataFrame, pandas.Series

    def append(self, other, ignore_index=False, verify_integrity=False, sort=False):
        others = list(other) if isinstance(other, list | tuple) else [other]
        rows = [o.to_frame().T if isinstance(o, series) and isinstance(self, frame) else o for o in others]
        rows = [frame([o]) if isinstance(o, dict) else o for o in rows]
        options = {"sort": sort} if isinstance(self, frame) else {}
        return pandas.concat([self, *rows], ignore_index=ignore_index, verify_integrity=verify_integrity, **options)

    for owner in (frame, series):
        for name, value in (("append", append), ("as_matrix", lambda self: self.values), ("iteritems", owner.items)):
            if not hasattr(owner, name):
                setattr(owner, name, value)


def _tsne(module):
    _rename_argument(getattr(module, "TSNE", None), "n_iter", "max_iter")


def _one_hot_encoder(module):
    _rename_argument(getattr(module, "OneHotEncoder", None), "sparse", "sparse_output")


def _rename_argument(owner, old, new):
    """Lets a constructor take an argument by the name it had; its signature, which scikit-learn reads, stays."""
    import inspect

    if owner is None or old in (names := inspect.signature(owner.__init__).parameters) or new not in names:
        return
    init = owner.__init__

    @functools.wraps(init)
    def __init__(self, *args, **kwargs):
        if old in kwargs:
            kwargs[new] = kwargs.pop(old)
        init(self, *args, **kwargs)

    owner.__init__ = __init__


def _scipy_misc(misc):
    from tfcompat.launch import pictures

    for name in pictures.NAMES:
        if not _has(misc, name):
            setattr(misc, name, getattr(pictures, name))
    if not _has(misc, "logsumexp"):
        special = importlib.import_module("scipy.special")
        misc.logsumexp, misc.comb, misc.factorial = special.logsumexp, special.comb, special.factorial


def _has(module, name):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hasattr(module, name)


def _matplotlib_style(style):
    prefix = "seaborn-v0_8"
    for name in [n for n in style.library if n.startswith(prefix)]:
        style.library.setdefault("seaborn" + name[len(prefix) :], style.library[name])


def _matplotlib_cm(cm):
    if not hasattr(cm, "get_cmap"):
        cm.get_cmap = lambda name=None, lut=None: importlib.import_module("matplotlib.pyplot").get_cmap(name, lut)


def _matplotlib_figure(figure):
    gca = figure.Figure.gca

    @functools.wraps(gca)
    def gca_with_settings(self, **settings):  # fig.gca(projection="3d"), refused since Matplotlib 3.7
        return self.add_subplot(**settings) if settings else gca(self)

    figure.Figure.gca = gca_with_settings


def _matplotlib_axes(axes):
    hist = axes.Axes.hist

    @functools.wraps(hist)
    def hist_with_normed(self, *args, normed=None, **settings):
        return hist(self, *args, **(settings if normed is None else settings | {"density": bool(normed)}))

    axes.Axes.hist = hist_with_normed
    if not hasattr(axes.Axes, "hold"):
        axes.Axes.hold = lambda self, b=None: None  # holding is what Matplotlib has done always since 3.0


def _pyplot(pyplot):
    if not hasattr(pyplot, "hold"):
        pyplot.hold = lambda b=None: None
    hist = pyplot.hist

    @functools.wraps(hist)
    def hist_with_normed(*args, normed=None, **settings):
        return hist(*args, **(settings if normed is None else settings | {"density": bool(normed)}))

    pyplot.hist = hist_with_normed


_FIXES = {
    "fractions": _fractions,
    "PIL.Image": _pil_image,
    "pandas": _pandas,
    "scipy.misc": _scipy_misc,
    "sklearn.manifold": _tsne,
    "sklearn.preprocessing": _one_hot_encoder,
    "matplotlib.style": _matplotlib_style,
    "matplotlib.cm": _matplotlib_cm,
    "matplotlib.figure": _matplotlib_figure,
    "matplotlib.axes": _matplotlib_axes,
    "matplotlib.pyplot": _pyplot,
}

# -- modules that are gone --------------------------------------------------------------------------------------------


def _names_of(module, *names):
    def load():
        found = importlib.import_module(module)
        chosen = names or [n for n in dir(found) if not n.startswith("_")]
        return {n: getattr(found, n) for n in chosen if hasattr(found, n)}

    return load


def _imp():
    def load_source(name, path):
        spec = importlib.util.spec_from_file_location(name, path)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return {"reload": importlib.reload, "load_source": load_source, "new_module": types.ModuleType}


def _version():
    """LooseVersion and StrictVersion as `distutils.version` had them: versions compare by their numbers and words."""
    import re

    @functools.total_ordering
    class LooseVersion:
        def __init__(self, vstring=""):
            self.vstring = str(vstring)
            self.version = [int(p) if p.isdigit() else p for p in re.findall(r"\d+|[a-z]+", self.vstring)]

        def _key(self):
            return [(1, p, "") if isinstance(p, int) else (0, 0, p) for p in self.version]

        def __eq__(self, other):
            return self._key() == LooseVersion(other)._key()

        def __lt__(self, other):
            return self._key() < LooseVersion(other)._key()

        def __hash__(self):
            return hash(self.vstring)

        def __str__(self):
            return self.vstring

        def __repr__(self):
            return f"LooseVersion ('{self.vstring}')"

    return {"LooseVersion": LooseVersion, "StrictVersion": LooseVersion}


def _text_format():
    """protobuf's text_format for tfcompat's messages, where protobuf itself is not installed."""
    from tfcompat._src.wire import text

    def to_string(message, **options):
        if options:
            raise NotImplementedError(f"MessageToString without protobuf takes no {', '.join(options)}")
        return str(message)

    def parse(text_, message, **options):
        return text.merge(text_, message)

    return {"Merge": parse, "Parse": parse, "MessageToString": to_string, "ParseError": text.ParseError}


_GONE = {
    "google": dict,
    "google.protobuf": dict,
    "google.protobuf.text_format": _text_format,
    "imp": _imp,
    "distutils": dict,
    "distutils.version": _version,
    "scipy.misc": dict,
    "sklearn.cross_validation": _names_of("sklearn.model_selection"),
    "sklearn.grid_search": _names_of("sklearn.model_selection", "GridSearchCV", "RandomizedSearchCV", "ParameterGrid"),
    "sklearn.externals": dict,
    "sklearn.externals.joblib": _names_of("joblib"),
}

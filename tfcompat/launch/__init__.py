"""The launcher and the import hook: `import tensorflow` answered by tfcompat."""

import sys


def install(api=None):
    """Makes `import tensorflow` mean tfcompat for the rest of this process; returns the module it then gives.

    api is "v1" (TensorFlow 1, graph mode) or "v2"; None decides by the names the calling file uses, TF2 where they do
    not tell or there is no file.  A TensorFlow imported before stays with those who have it.  Raises ValueError.
    """
    if api not in (None, "v1", "v2"):
        raise ValueError(f'api is "v1", "v2" or None, not {api!r}')
    from tfcompat.launch import alias

    if api is None:
        api = _api_of(sys._getframe(1).f_globals.get("__file__"))
    uninstall()
    for name in [n for n in sys.modules if n == "tensorflow" or n.startswith("tensorflow.")]:
        del sys.modules[name]
    again = "tfcompat.v1" in sys.modules
    finder = alias.Finder(api)
    if again:  # importing the TF1 face turned graph mode on; from now on it has to be said
        v1 = finder.face.compat.v1
        (v1.disable_v2_behavior if api == "v1" else v1.enable_v2_behavior)()
    sys.meta_path.insert(0, finder)
    import tensorflow

    return tensorflow


def uninstall():
    """Takes the import hook out again."""
    from tfcompat.launch import alias

    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, alias.Finder)]
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "tensorflow" and isinstance(getattr(module, "__loader__", None), alias.Finder):
            del sys.modules[name]


def _api_of(file):
    from tfcompat.launch import decide, names, source

    try:
        return decide.choose(names.program(source.read(file), "")).api if file else "v2"
    except OSError:
        return "v2"

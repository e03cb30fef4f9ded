"""Which TensorFlow names a program uses, read from its syntax tree, and which names TensorFlow has or had."""

import ast
import functools
import os
from dataclasses import dataclass, field

from tfcompat.launch import source


@functools.cache
def symbols():
    """{"nn.relu": "="}: = in both faces, 1 only in tf.compat.v1, 2 only in TF2, - only in releases before 2.0."""
    table = {}
    with open(os.path.join(os.path.dirname(__file__), "tf_symbols.txt"), encoding="utf-8") as f:
        for line in f:
            if not line.startswith("#"):
                head, _, names = line.partition(": ")
                flag, _, namespace = head.partition(" ")
                prefix = namespace + "." if namespace else ""
                for name in names.split():
                    table[prefix + name] = flag
    return table


def flag_of(path):
    """The flag of the longest known beginning of a dotted path, and that beginning; ("", "") when nothing is known."""
    table = symbols()
    while path:
        if path in table:
            return table[path], path
        path = path.rpartition(".")[0]
    return "", ""


@dataclass
class Usage:
    """What one program takes from TensorFlow; paths are dotted and leave out `tf.`."""

    paths: dict[str, int] = field(default_factory=dict)  # -> line of the first use
    imports: dict[str, int] = field(default_factory=dict)  # modules and names that import statements ask for
    keywords: set[tuple[str, str]] = field(default_factory=set)  # (path called, keyword argument)
    methods: set[str] = field(default_factory=set)  # `.numpy` of `x.numpy()`: methods of whatever object
    modules: list[tuple[int, str, tuple[str, ...]]] = field(default_factory=list)  # other imports: level, module, names
    devices: dict[str, str] = field(default_factory=dict)  # environment variables set to constants at the top level
    environment: set[str] = field(default_factory=set)  # environment variables mentioned in any way


def collect(tree):
    """Usage of one module's syntax tree."""
    usage, alias = Usage(), {}
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            _imports(node, usage, alias)
    for node in nodes:  # layers = tf.keras.layers
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            path = _path(node.value, alias)
            if path is not None and node.targets[0].id not in alias:
                alias[node.targets[0].id] = path
            elif path == "compat.v1":  # tf = tf.compat.v1
                alias[node.targets[0].id] = path
    inner = set()
    for node in nodes:
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Attribute):
                inner.add(id(node.value))
            if id(node) not in inner:
                path = _path(node, alias)
                if path:
                    usage.paths.setdefault(path, node.lineno)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and alias.get(node.id):
            usage.paths.setdefault(alias[node.id], node.lineno)
        elif isinstance(node, ast.Call):
            _call(node, usage, alias)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in DEVICE_VARIABLES:
            usage.environment.add(node.value)
    _settings(tree, usage)
    return usage


DEVICE_VARIABLES = ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "XLA_FLAGS", "HIP_VISIBLE_DEVICES")


def _ours(module):
    return module == "tensorflow" or module.startswith("tensorflow.")


def _imports(node, usage, alias):
    if isinstance(node, ast.Import):
        for name in node.names:
            if not _ours(name.name):
                usage.modules.append((0, name.name, ()))
                continue
            path = name.name[len("tensorflow.") :]
            alias[name.asname or "tensorflow"] = path if name.asname else ""
            usage.imports.setdefault(path, node.lineno)
    elif node.level or not _ours(node.module or ""):
        usage.modules.append((node.level, node.module or "", tuple(n.name for n in node.names)))
    else:
        base = node.module[len("tensorflow.") :]
        for name in node.names:
            path = f"{base}.{name.name}" if base else name.name
            usage.imports.setdefault(base if name.name == "*" else path, node.lineno)
            if name.name != "*":
                alias[name.asname or name.name] = path


def _path(node, alias):
    """Dotted path of `tf.nn.relu` seen as an expression, or None where it does not start at TensorFlow."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in alias:
        return None
    base = alias[node.id]
    return ".".join(([base] if base else []) + parts[::-1])


def _call(node, usage, alias):
    path = _path(node.func, alias)
    if path is not None:
        usage.keywords.update((path, k.arg) for k in node.keywords if k.arg)
    elif isinstance(node.func, ast.Attribute):
        usage.methods.add(node.func.attr)


def _settings(tree, usage):
    """os.environ["CUDA_VISIBLE_DEVICES"] = "0" at the top level of the program."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
            key, value = node.targets[0].slice, node.value
            if ast.unparse(node.targets[0].value).endswith("environ") and isinstance(key, ast.Constant):
                if key.value in DEVICE_VARIABLES and isinstance(value, ast.Constant) and isinstance(value.value, str):
                    usage.devices[key.value] = value.value


def program(raw, folder, limit=200):
    """[Usage] of a script given as bytes and of the modules beside it that it imports, those they import, and so on."""
    tree = source.parse(raw)
    if tree is None:
        return []
    first = collect(tree)
    usages, seen, queue = [first], set(), [(folder, m) for m in first.modules]
    while queue and len(seen) < limit:
        here, (level, module, names) = queue.pop(0)
        for path in _files(folder, here, level, module, names):
            if path in seen:
                continue
            seen.add(path)
            try:
                tree = source.parse(source.read(path))
            except OSError:
                continue
            if tree is not None:
                usage = collect(tree)
                usages.append(usage)
                queue += [(os.path.dirname(path), m) for m in usage.modules]
    return usages


def _files(folder, here, level, module, names):
    """The files beside the script that one import statement loads (none for what is installed elsewhere)."""
    root = folder
    if level:
        root = here
        for _ in range(level - 1):
            root = os.path.dirname(root)
    base = os.path.join(root, *module.split(".")) if module else root
    parts, found = (module.split(".") if module else []), []
    for i in range(1, len(parts) + 1):
        found.append(os.path.join(root, *parts[:i], "__init__.py"))
    found.append(base + ".py")
    for name in names:
        found += [os.path.join(base, name + ".py"), os.path.join(base, name, "__init__.py")]
    return [f for f in found if os.path.isfile(f)]

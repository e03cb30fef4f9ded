"""`tf.nest`: flattening, packing and mapping of nested structures, with TensorFlow's rules for what is a structure.

Structures are sequences other than strings, mappings (in the order of their sorted keys), mapping views, namedtuples,
attrs classes, and classes with `__tf_flatten__` and `__tf_unflatten__`. All else is a leaf: arrays, tensors, None.
Composite tensors are leaves too unless `expand_composites` is asked for; `register_composite` tells what is one.

The type of an object decides what it is, so each type is judged once and found by one look-up afterwards.
"""

import collections
import collections.abc

STRUCTURES_HAVE_MISMATCHING_TYPES = (
    "The two structures don't have the same sequence type. Input structure has type {input_type}, while shallow "
    "structure has type {shallow_type}."
)
STRUCTURES_HAVE_MISMATCHING_LENGTHS = (
    "The two structures don't have the same sequence length. Input structure has length {input_length}, while shallow "
    "structure has length {shallow_length}."
)
INPUT_TREE_SMALLER_THAN_SHALLOW_TREE = (
    "The input_tree has fewer items than the shallow_tree. Input structure has length {input_size}, while shallow "
    "structure has length {shallow_size}."
)
SHALLOW_TREE_HAS_INVALID_KEYS = (
    "The shallow_tree's keys are not a subset of the input_tree's keys. The shallow_tree has the following keys that "
    "are not in the input_tree: {}."
)
IF_SHALLOW_IS_SEQ_INPUT_MUST_BE_SEQ = (
    "If shallow structure is a sequence, input must also be a sequence. Input has type: {}."
)


# --- Kinds of structures ---------------------------------------------------------------------------------------------


class _Kind:
    """What one sort of structure is made of: `children(x)`, `items(x)` as (key, child), `rebuild(x, children)`."""

    def __init__(self, children, items, rebuild):
        self.children, self.items, self.rebuild = children, items, rebuild


def _sorted_keys(mapping):
    try:
        return sorted(mapping.keys())
    except TypeError:
        raise TypeError("nest only supports dicts with sortable keys.") from None


def _rebuild_mapping(like, children):
    """A mapping of the class of `like`, with its order of keys, from values in the order of sorted keys."""
    values = dict(zip(_sorted_keys(like), children, strict=False))
    cls = type(like)
    if cls is dict:
        return {key: values[key] for key in like}
    if isinstance(like, collections.abc.MutableMapping):
        out = collections.defaultdict(like.default_factory) if cls is collections.defaultdict else cls()
        for key in like:
            out[key] = values[key]
        return out
    try:
        return cls((key, values[key]) for key in like)
    except TypeError as error:
        raise TypeError(
            f"Error creating an object of type {cls} like {like}. Note that it must accept a single positional "
            f"argument representing an iterable of key-value pairs, in addition to self. Cause: {error}"
        ) from None


def _attrs_children(x):
    return [getattr(x, field.name) for field in type(x).__attrs_attrs__]


def _rebuild_sequence(like, children):
    return type(like)(children)


def _rebuild_by_position(like, children):
    return type(like)(*children)


def _as_list(like, children):
    return list(children)


_LIST = _Kind(lambda x: x, enumerate, _as_list)
_TUPLE = _Kind(lambda x: x, enumerate, lambda like, children: tuple(children))
_SEQUENCE = _Kind(iter, enumerate, _rebuild_sequence)
_RANGE = _Kind(iter, enumerate, _as_list)  # Other numbers are no range.
_NAMEDTUPLE = _Kind(iter, lambda x: zip(x._fields, x, strict=True), _rebuild_by_position)
_MAPPING = _Kind(
    lambda x: [x[key] for key in _sorted_keys(x)],
    lambda x: [(key, x[key]) for key in _sorted_keys(x)],
    _rebuild_mapping,
)
_VIEW = _Kind(iter, enumerate, _as_list)
_ATTRS = _Kind(
    _attrs_children,
    lambda x: [(field.name, getattr(x, field.name)) for field in type(x).__attrs_attrs__],
    _rebuild_by_position,
)
_CUSTOM = _Kind(
    lambda x: x.__tf_flatten__()[1],
    lambda x: enumerate(x.__tf_flatten__()[1]),
    lambda like, children: like.__tf_unflatten__(like.__tf_flatten__()[0], tuple(children)),
)


def _is_namedtuple_type(cls):
    fields = getattr(cls, "_fields", None)
    return isinstance(fields, collections.abc.Sequence) and all(isinstance(name, str) for name in fields)


def _kind_of_type(cls):
    """The `_Kind` of instances of a class, None for leaves."""
    if issubclass(cls, collections.abc.Mapping):
        return _MAPPING
    if issubclass(cls, collections.abc.MappingView):
        return _VIEW
    if hasattr(cls, "__attrs_attrs__"):
        return _ATTRS
    if hasattr(cls, "__tf_flatten__") and hasattr(cls, "__tf_unflatten__"):
        return _CUSTOM
    if not issubclass(cls, collections.abc.Sequence) or issubclass(cls, (str, bytes)):
        return None
    if issubclass(cls, tuple) and _is_namedtuple_type(cls):
        return _NAMEDTUPLE
    return {list: _LIST, tuple: _TUPLE, range: _RANGE}.get(cls, _SEQUENCE)


class _Plain(dict):
    """Type -> `_Kind` or None, judged on first sight."""

    def __missing__(self, cls):
        self[cls] = kind = _kind_of_type(cls)
        return kind


_composites = {}  # class -> (_Kind, compatible), in order of registration.


class _WithComposites(dict):
    """The same, with registered composites opened."""

    def __missing__(self, cls):
        found = _composite_entry(cls)
        self[cls] = kind = _plain[cls] if found is None else found[0]
        return kind


_plain = _Plain()
_with_composites = _WithComposites()


def _composite_entry(cls):
    return next((_composites[base] for base in cls.__mro__ if base in _composites), None)


def register_composite(cls, to_components, from_components, compatible=None, name=None):
    """Make instances of `cls` composites, structures with one child when `expand_composites` is asked for.

    `to_components(x)` gives that child, any nest; `from_components(x, components)` makes an object like `x` of it;
    `compatible(a, b)` says whether two composites have the same structure (default: the same class). `name` stands in
    paths, a string or a function of the object (default: the class's name).
    """

    def label(x):
        return name(x) if callable(name) else name or type(x).__name__

    kind = _Kind(
        lambda x: (to_components(x),),
        lambda x: ((label(x), to_components(x)),),
        lambda like, children: from_components(like, children[0]),
    )
    _composites[cls] = kind, compatible or (lambda a, b: type(a) is type(b))
    _with_composites.clear()


def is_composite(x):
    """Whether `x` is of a class given to `register_composite`."""
    return bool(_composites) and _composite_entry(type(x)) is not None


def _table(expand_composites):
    return _with_composites if expand_composites else _plain


# --- Questions -------------------------------------------------------------------------------------------------------


def is_nested(seq):
    """Whether `seq` is a structure rather than a leaf."""
    return _plain[type(seq)] is not None


is_sequence = is_nested  # The name until TF 2.4.


def is_nested_or_composite(structure):
    """Whether `structure` is a structure or a composite."""
    return _with_composites[type(structure)] is not None


is_sequence_or_composite = is_nested_or_composite


def is_namedtuple(instance, strict=False):
    """Whether `instance` is a namedtuple; `strict` leaves out classes derived from one."""
    cls = type(instance)
    return isinstance(instance, tuple) and _is_namedtuple_type(cls) and (not strict or cls.__base__ is tuple)


def is_mapping(obj):
    """Whether `obj` is a mapping."""
    return isinstance(obj, collections.abc.Mapping)


def is_attrs(obj):
    """Whether the class of `obj` was made by attrs."""
    return hasattr(type(obj), "__attrs_attrs__")


def same_namedtuples(x, y):
    """Whether two namedtuples have the same fields and class name, though perhaps not the same class."""
    return x._fields == y._fields and type(x).__name__ == type(y).__name__


# --- Flatten and pack ------------------------------------------------------------------------------------------------


def flatten(structure, expand_composites=False):
    """List of the leaves of a structure; of the structure itself if it is a leaf."""
    table = _with_composites if expand_composites else _plain
    out = []
    _flatten_into(out, (structure,), table)
    return out


def _flatten_into(out, children, table):
    for x in children:
        kind = table[type(x)]
        if kind is None:
            out.append(x)
        elif kind is _LIST or kind is _TUPLE:
            _flatten_into(out, x, table)
        else:
            _flatten_into(out, kind.children(x), table)


def _packed_children(kind, structure, leaves, table, sequence_fn):
    """The children of `structure` with leaves taken from the iterator `leaves`; StopIteration where they run out."""
    children = []
    for x in kind.children(structure):
        inner = table[type(x)]
        if inner is None:
            children.append(next(leaves))
        else:
            level = _packed_children(inner, x, leaves, table, sequence_fn)
            children.append(inner.rebuild(x, level) if sequence_fn is None else sequence_fn(x, level))
    return children


_END = object()


def pack_sequence_as(structure, flat_sequence, expand_composites=False, sequence_fn=None):
    """A structure like `structure` with the leaves `flat_sequence`.

    `sequence_fn(like, children)` builds each level where given. TypeError if `flat_sequence` is no structure,
    ValueError if its length is not the number of leaves.
    """
    table = _table(expand_composites)
    if table[type(flat_sequence)] is None:
        raise TypeError(
            f"Attempted to pack value:\n  {_short(flat_sequence)}\ninto a structure, but found incompatible type "
            f"`{type(flat_sequence)}` instead."
        )
    kind = table[type(structure)]
    if kind is None:
        if len(flat_sequence) != 1:
            raise ValueError(
                f"The target structure is of type `{type(structure)}`\n  {_short(structure)}\nHowever the input is a "
                f"sequence ({type(flat_sequence)}) of length {len(flat_sequence)}.\n  {_short(flat_sequence)}\nnest "
                "cannot guarantee that it is safe to map one to the other."
            )
        return flat_sequence[0]
    try:
        leaves = _leaves(structure, flat_sequence, expand_composites)
        children = _packed_children(kind, structure, leaves, table, sequence_fn)
        if next(leaves, _END) is not _END:
            raise IndexError
    except (StopIteration, IndexError):
        atoms = len(flatten(structure, expand_composites))
        raise ValueError(
            f"Could not pack sequence. Structure had {atoms} atoms, but flat_sequence had {len(flat_sequence)} items.  "
            f"Structure: {structure}, flat_sequence: {flat_sequence}."
        ) from None
    return kind.rebuild(structure, children) if sequence_fn is None else sequence_fn(structure, children)


def _leaves(structure, flat_sequence, expand_composites):
    """Iterator over `flat_sequence` by position, which for mappings is not the same as iterating."""
    if isinstance(flat_sequence, (list, tuple)):
        return iter(flat_sequence)
    leaves = [flat_sequence[i] for i in range(len(flatten(structure, expand_composites)))]
    if len(flat_sequence) > len(leaves):
        raise IndexError
    return iter(leaves)


def _short(value, length=100):
    text = str(value)
    return text[:length] + ("..." if text[length:] else "")


def sequence_like(instance, args):
    """A structure of the class of `instance` (its keys, if a mapping) with the children `args`."""
    kind = _with_composites[type(instance)]
    return _rebuild_sequence(instance, args) if kind is None else kind.rebuild(instance, list(args))


_sequence_like = sequence_like


def list_to_tuple(structure):
    """The structure with its lists made tuples."""

    def rebuild(like, children):
        return tuple(children) if isinstance(like, list) else sequence_like(like, children)

    return pack_sequence_as(structure, flatten(structure), sequence_fn=rebuild)


def flatten_dict_items(dictionary):
    """A dict whose keys are flattened together with their values; TypeError for no mapping.

    ValueError where a key and its value differ in length, or a flattened key occurs twice.
    """
    if not is_mapping(dictionary):
        raise TypeError(
            "FlattenDictItems: 'dict' must be a dictionary or collection.Mapping type object, instead of "
            f"'{_c_name(type(dictionary))}'."
        )
    out = {}
    for key, value in dictionary.items():
        keys, values = (flatten(key), flatten(value)) if is_nested(key) else ([key], [value])
        if len(keys) != len(values):
            raise ValueError(
                f"Could not flatten dictionary. Key had {len(keys)} elements, but value had {len(values)} elements. "
                f"Key: {keys}, value: {values}."
            )
        for k, v in zip(keys, values, strict=True):
            if k in out:
                raise ValueError(f"Cannot flatten dict because this key is not unique: {k}")
            out[k] = v
    return out


# --- Map -------------------------------------------------------------------------------------------------------------


def map_structure(func, *structure, **kwargs):
    """The structure of `func(leaf of first, leaf of second, …)`; keywords `check_types=True, expand_composites=False`.

    TypeError or ValueError if the structures differ.
    """
    if not callable(func):
        raise TypeError(f"func must be callable, got: {func}")
    if not structure:
        raise ValueError("Must provide at least one structure")
    check_types, expand_composites = True, False
    if kwargs:
        check_types = kwargs.pop("check_types", True)
        expand_composites = kwargs.pop("expand_composites", False)
        if kwargs:
            raise ValueError(
                f"Only valid keyword arguments are `check_types` and `expand_composites`, not: `{'`, `'.join(kwargs)}`"
            )
    first = structure[0]
    for other in structure[1:]:
        assert_same_structure(first, other, check_types=check_types, expand_composites=expand_composites)
    columns = [flatten(s, expand_composites) for s in structure]
    return pack_sequence_as(first, [func(*x) for x in zip(*columns, strict=False)], expand_composites)


def map_structure_up_to(shallow_tree, func, *inputs, **kwargs):
    """`func(part of first, part of second, …)` over what stands in `inputs` where `shallow_tree` has leaves."""
    return map_structure_with_tuple_paths_up_to(shallow_tree, lambda _, *values: func(*values), *inputs, **kwargs)


def map_structure_with_paths(func, *structure, **kwargs):
    """`func('a/0/b', leaf, …)` over all leaves; keywords beside `map_structure`'s are passed on to `func`."""

    def with_text(path, *leaves, **kwargs):
        return func("/".join(str(key) for key in path), *leaves, **kwargs)

    return map_structure_with_tuple_paths_up_to(structure[0], with_text, *structure, **kwargs)


def map_structure_with_tuple_paths(func, *structure, **kwargs):
    """`func(('a', 0, 'b'), leaf, …)` over all leaves; keywords beside `map_structure`'s are passed on to `func`."""
    return map_structure_with_tuple_paths_up_to(structure[0], func, *structure, **kwargs)


def map_structure_with_tuple_paths_up_to(shallow_tree, func, *inputs, **kwargs):
    """`func(path, part of first, …)` over the parts of `inputs` that stand where `shallow_tree` has leaves."""
    if not inputs:
        raise ValueError("Cannot map over no sequences")
    check = {
        "check_types": kwargs.pop("check_types", True),
        "expand_composites": kwargs.pop("expand_composites", False),
    }
    columns = [flatten_with_tuple_paths_up_to(shallow_tree, tree, **check) for tree in inputs]
    rows = zip(*columns, strict=False)
    results = [func(row[0][0], *(value for _, value in row), **kwargs) for row in rows]
    return pack_sequence_as(shallow_tree, results, check["expand_composites"])


# --- Up to a shallow tree, and paths ---------------------------------------------------------------------------------


def flatten_up_to(shallow_tree, input_tree, check_types=True, expand_composites=False):
    """List of the parts of `input_tree` that stand where `shallow_tree` has leaves."""
    return [v for _, v in flatten_with_tuple_paths_up_to(shallow_tree, input_tree, check_types, expand_composites)]


def flatten_with_tuple_paths_up_to(shallow_tree, input_tree, check_types=True, expand_composites=False):
    """List of (path, part of `input_tree`) for the leaves of `shallow_tree`."""
    assert_shallow_structure(shallow_tree, input_tree, check_types, expand_composites)
    return list(_walk_up_to(shallow_tree, input_tree, _table(expand_composites), ()))


def _walk_up_to(shallow, tree, table, path):
    kind = table[type(shallow)]
    if kind is None:
        yield path, tree
        return
    parts = dict(table[type(tree)].items(tree))
    for key, branch in kind.items(shallow):
        yield from _walk_up_to(branch, parts[key], table, (*path, key))


def yield_flat_paths(nest, expand_composites=False):
    """The paths of the leaves, tuples of keys, names and positions."""
    for path, _ in _walk_up_to(nest, nest, _table(expand_composites), ()):
        yield path


def flatten_with_tuple_paths(structure, expand_composites=False):
    """List of (path, leaf), a path being a tuple of keys, names and positions."""
    return list(_walk_up_to(structure, structure, _table(expand_composites), ()))


def flatten_with_joined_string_paths(structure, separator="/", expand_composites=False):
    """List of (path, leaf), a path being a string like 'a/0/b'."""
    pairs = flatten_with_tuple_paths(structure, expand_composites)
    return [(separator.join(str(key) for key in path), leaf) for path, leaf in pairs]


def get_traverse_shallow_structure(traverse_fn, structure, expand_composites=False):
    """A structure of bools: what `traverse_fn` lets one descend into.

    `traverse_fn(part)` answers True, False, or a level of bools, one for each child; TypeError for other answers.
    """
    kind = _table(expand_composites)[type(structure)]
    answer = traverse_fn(structure)
    if kind is None:
        if not isinstance(answer, bool):
            raise TypeError(f"traverse_fn returned structure: {answer} for non-structure: {structure}")
        return answer
    if answer is False:
        return False
    branches = [branch for _, branch in kind.items(structure)]
    if answer is True:
        level = [get_traverse_shallow_structure(traverse_fn, b, expand_composites) for b in branches]
        return kind.rebuild(structure, level)
    shape = _table(expand_composites)[type(answer)]
    if shape is None:
        raise TypeError(f"traverse_fn returned a non-bool scalar: {answer} for input: {structure}")
    assert_shallow_structure(answer, structure, expand_composites=expand_composites)
    level = []
    for (_, descend), branch in zip(shape.items(answer), branches, strict=False):
        if not isinstance(descend, bool):
            raise TypeError(
                f"traverse_fn didn't return a depth=1 structure of bools.  saw: {answer}  for structure: {structure}"
            )
        level.append(get_traverse_shallow_structure(traverse_fn, branch) if descend else False)
    return kind.rebuild(structure, level)


# --- Comparing structures --------------------------------------------------------------------------------------------


class _Dot:
    """A leaf in the outline of a structure."""

    def __repr__(self):
        return "."


_DOT = _Dot()


def assert_same_structure(nest1, nest2, check_types=True, expand_composites=False):
    """TypeError or ValueError unless both have the same structure; `check_types` also compares the classes in it."""
    found = _difference(nest1, nest2, bool(check_types), _table(expand_composites))
    if found is None:
        return
    error, text = found
    outlines = [map_structure(lambda _: _DOT, nest) for nest in (nest1, nest2)]
    raise error(
        f"The two structures don't have the same nested structure.\n\nFirst structure: {_repr(nest1)}\n\n"
        f"Second structure: {_repr(nest2)}\n\nMore specifically: {text}\n"
        f"Entire first structure:\n{outlines[0]}\nEntire second structure:\n{outlines[1]}"
    )


def _difference(x, y, check_types, table):
    """None if two structures are alike, else (exception class, what differs)."""
    kind, other = table[type(x)], table[type(y)]
    if kind is None and other is None:
        return None
    if kind is None or other is None:
        nested, leaf = (x, y) if other is None else (y, x)
        return ValueError, (f'Substructure "{_repr(nested)}" is a sequence, while substructure "{_repr(leaf)}" is not')
    expanding = table is _with_composites
    composites = (is_composite(x), is_composite(y)) if expanding else (False, False)
    if check_types and type(x) is not type(y) and not all(composites):
        if isinstance(x, tuple) and isinstance(y, tuple) and kind is _NAMEDTUPLE and other is _NAMEDTUPLE:
            alike = same_namedtuples(x, y)
        else:
            alike = (isinstance(x, list) and isinstance(y, list)) or (is_mapping(x) and is_mapping(y))
        if not alike:
            return TypeError, (
                "The two namedtuples don't have the same sequence type. "
                f"First structure {_repr(x)} has type {_c_name(type(x))}, "
                f"while second structure {_repr(y)} has type {_c_name(type(y))}"
            )
    if check_types and kind is _MAPPING and (len(x) != len(y) or any(key not in y for key in x)):
        return ValueError, (
            "The two dictionaries don't have the same set of keys. "
            f"First structure has keys {_repr(list(x.keys()))}, while second structure has keys {_repr(list(y.keys()))}"
        )
    if any(composites) and not _compatible_composites(x, y):
        return ValueError, f"Incompatible CompositeTensor TypeSpecs: {_spec(x)} vs. {_spec(y)}"
    xs, ys = list(kind.children(x)), list(other.children(y))
    for a, b in zip(xs, ys, strict=False):
        found = _difference(a, b, check_types, table)
        if found is not None:
            return found
    if len(xs) != len(ys):
        return ValueError, (
            "The two structures don't have the same number of elements. "
            f"First structure: {_repr(x)}. Second structure: {_repr(y)}"
        )
    return None


def _compatible_composites(x, y):
    if not (is_composite(x) and is_composite(y)):
        return False
    return _composite_entry(type(x))[1](x, y)


def _spec(x):
    return getattr(x, "_type_spec", x)


def _repr(x):
    """An object as TensorFlow's messages about structures show it."""
    return f"type={type(x).__name__} str={x}"


def _c_name(cls):
    """A class's name as C code sees it: with the module only for classes written in C outside builtins."""
    is_python_class = cls.__flags__ & (1 << 9)
    return cls.__name__ if is_python_class or cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"


def assert_shallow_structure(shallow_tree, input_tree, check_types=True, expand_composites=False):
    """TypeError or ValueError unless `input_tree` has at least the structure of `shallow_tree`."""
    table = _table(expand_composites)
    kind = table[type(shallow_tree)]
    if kind is None:
        return
    other = table[type(input_tree)]
    if other is None:
        raise TypeError(IF_SHALLOW_IS_SEQ_INPUT_MUST_BE_SEQ.format(type(input_tree)))
    composites = (is_composite(shallow_tree), is_composite(input_tree)) if expand_composites else (False, False)
    types = {"input_type": type(input_tree), "shallow_type": type(shallow_tree)}
    if check_types and not isinstance(input_tree, type(shallow_tree)) and not all(composites):
        if kind is _NAMEDTUPLE and other is _NAMEDTUPLE:
            alike = same_namedtuples(shallow_tree, input_tree)
        else:
            alike = is_mapping(shallow_tree) and is_mapping(input_tree)
            alike = alike or (isinstance(shallow_tree, list) and isinstance(input_tree, list))
        if not alike:
            raise TypeError(STRUCTURES_HAVE_MISMATCHING_TYPES.format(**types))
    if any(composites):
        if not all(composites):
            raise TypeError(STRUCTURES_HAVE_MISMATCHING_TYPES.format(**types))
        if not _compatible_composites(shallow_tree, input_tree):
            raise ValueError(f"Incompatible CompositeTensor TypeSpecs: {_spec(shallow_tree)} vs. {_spec(input_tree)}")
    else:
        lengths = [len(list(k.children(x))) for k, x in ((other, input_tree), (kind, shallow_tree))]
        if lengths[0] != lengths[1]:
            said = STRUCTURES_HAVE_MISMATCHING_LENGTHS
            raise ValueError(said.format(input_length=lengths[0], shallow_length=lengths[1]))
    if is_mapping(shallow_tree):
        absent = set(shallow_tree) - set(input_tree)
        if absent:
            raise ValueError(SHALLOW_TREE_HAS_INVALID_KEYS.format(sorted(absent)))
    branches = zip(kind.items(shallow_tree), other.items(input_tree), strict=False)
    for (_, shallow_branch), (_, input_branch) in branches:
        assert_shallow_structure(shallow_branch, input_branch, check_types, expand_composites)

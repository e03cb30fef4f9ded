"""Nested structures. The table gives expressions and what TensorFlow 2.21 answers, results as `repr`."""
# ruff: noqa: E501 (TensorFlow's messages are longer than our lines)

import collections
import collections.abc
import dataclasses

import numpy as np
import pytest

from tfcompat._src import nest

NT1 = collections.namedtuple("NT", "x y")
NT2 = collections.namedtuple("NT", "x y")
NT3 = collections.namedtuple("Other", "x y")


class Sub(NT1):
    """A class derived from a namedtuple."""


class L(list):
    """A class derived from list."""


class M(collections.abc.Mapping):
    """A mapping that cannot be changed."""

    def __init__(self, *args, **kwargs):
        self.items_ = dict(*args, **kwargs)

    def __getitem__(self, key):
        return self.items_[key]

    def __iter__(self):
        return iter(self.items_)

    def __len__(self):
        return len(self.items_)

    def __repr__(self):
        return f"M({self.items_})"


class M2(M):
    """A mapping that cannot be made from pairs."""

    def __init__(self, *, a):
        self.items_ = a


class Seq(collections.abc.Sequence):
    """A sequence of its own class."""

    def __init__(self, values=()):
        self.values = list(values)

    def __getitem__(self, i):
        return self.values[i]

    def __len__(self):
        return len(self.values)


@dataclasses.dataclass
class DC:
    """A dataclass that says what it is made of."""

    m: object
    v: object

    def __tf_flatten__(self):
        return (self.m,), (self.v,)

    @classmethod
    def __tf_unflatten__(cls, metadata, components):
        return cls(metadata[0], components[0])


@dataclasses.dataclass
class Plain:
    """A dataclass that does not."""

    a: int


class Field:
    """What attrs notes about a field, as far as it matters here."""

    def __init__(self, name):
        self.name = name


class A:
    """A class as attrs makes it."""

    __attrs_attrs__ = (Field("p"), Field("q"))

    def __init__(self, p, q):
        self.p, self.q = p, q

    def __repr__(self):
        return f"A({self.p},{self.q})"


NAMES = globals() | {"N": nest, "OD": collections.OrderedDict, "DD": collections.defaultdict, "np": np}

TABLE = [
    # What is a structure
    (
        '[N.is_nested(x) for x in ([], (), {}, NT1(1, 2), M(), range(2), {}.keys(), A(1, 2), DC(1, 2), bytearray(b"a"), Seq())]',
        "[True, True, True, True, True, True, True, True, True, True, True]",
    ),
    (
        '[N.is_nested(x) for x in (1, None, "abc", b"a", {1, 2}, np.ones(2), Plain(1), object, iter([]))]',
        "[False, False, False, False, False, False, False, False, False]",
    ),
    (
        "N.is_namedtuple(NT1(1, 2)), N.is_namedtuple(Sub(1, 2)), N.is_namedtuple(Sub(1, 2), True), N.is_namedtuple((1, 2))",
        "(True, True, False, False)",
    ),
    ("N.is_mapping(M()), N.is_mapping([]), N.is_attrs(A(1, 2)), N.is_attrs(1)", "(True, False, True, False)"),
    ("N.same_namedtuples(NT1(1, 2), NT2(2, 3)), N.same_namedtuples(NT1(1, 2), NT3(2, 3))", "(True, False)"),
    # flatten
    (
        'N.flatten(1), N.flatten(None), N.flatten("abc"), N.flatten([]), N.flatten([[[]], None])',
        "([1], [None], ['abc'], [], [None])",
    ),
    (
        'N.flatten([1, (2, {"b": 3, "a": [4]})]), N.flatten(NT1([1], {"k": 2})), N.flatten(OD([("b", 1), ("a", 2)]))',
        "([1, 2, 4, 3], [1, 2], [2, 1])",
    ),
    (
        "N.flatten(A(1, [2])), N.flatten(DC(1, [2, 3])), N.flatten(M(b=1, a=2)), N.flatten(range(2)), N.flatten(Seq([1]))",
        "([1, 2], [2, 3], [2, 1], [0, 1], [1])",
    ),
    (
        'N.flatten({"b": 1, "a": 7}.values()), N.flatten(collections.deque([1, 2])), N.flatten(L([1, [2]]))',
        "([1, 7], [1, 2], [1, 2])",
    ),
    (
        'N.flatten_with_tuple_paths({"a": [1, NT1(2, 3)], "b": A(4, (5,))})',
        "[(('a', 0), 1), (('a', 1, 'x'), 2), (('a', 1, 'y'), 3), (('b', 'p'), 4), (('b', 'q', 0), 5)]",
    ),
    (
        'N.flatten_with_joined_string_paths({"a": [1, (2, 3)]}), N.flatten_with_joined_string_paths([1, [2]], separator=":")',
        "([('a/0', 1), ('a/1/0', 2), ('a/1/1', 3)], [('0', 1), ('1:0', 2)])",
    ),
    ('list(N.yield_flat_paths([{"a": 3}, DC(1, [2])])), list(N.yield_flat_paths(3))', "([(0, 'a'), (1, 0, 0)], [()])"),
    ("N.flatten_dict_items({(1, (2, 3)): [4, [5, 6]], 7: 8})", "{1: 4, 2: 5, 3: 6, 7: 8}"),
    (
        "N.flatten_dict_items({(1, 2): 3})",
        "ValueError: Could not flatten dictionary. Key had 2 elements, but value had 1 elements. Key: [1, 2], value: [3].",
    ),
    ("N.flatten_dict_items({(1, 1): (3, 4)})", "ValueError: Cannot flatten dict because this key is not unique: 1"),
    (
        "N.flatten_dict_items([1])",
        "TypeError: FlattenDictItems: 'dict' must be a dictionary or collection.Mapping type object, instead of 'list'.",
    ),
    # pack_sequence_as
    (
        'N.pack_sequence_as([1, (2, {"b": 3, "a": 4})], [5, 6, 7, 8]), N.pack_sequence_as(1, [2]), N.pack_sequence_as([], [])',
        "([5, (6, {'b': 8, 'a': 7})], 2, [])",
    ),
    (
        'N.pack_sequence_as(OD([("b", 1), ("a", 2)]), [7, 8]), N.pack_sequence_as(DD(list, {"b": 1, "a": 2}), [7, 8])',
        "(OrderedDict([('b', 8), ('a', 7)]), defaultdict(<class 'list'>, {'b': 8, 'a': 7}))",
    ),
    (
        "N.pack_sequence_as(NT1(1, [2]), (7, 8)), N.pack_sequence_as(A(1, [2]), [7, 8]), N.pack_sequence_as(DC(1, [2, 3]), [7, 8])",
        "(NT(x=7, y=[8]), A(7,[8]), DC(m=1, v=[7, 8]))",
    ),
    (
        'N.pack_sequence_as(M(b=1, a=2), [7, 8]), N.pack_sequence_as(range(2), [7, 8]), N.pack_sequence_as({"a": 1}.keys(), [7])',
        "(M({'b': 8, 'a': 7}), [7, 8], [7])",
    ),
    (
        "type(N.pack_sequence_as(L([1]), [2])).__name__, N.pack_sequence_as(collections.deque([1]), [2])",
        "('L', deque([2]))",
    ),
    (
        "N.pack_sequence_as([1, 2], [7])",
        "ValueError: Could not pack sequence. Structure had 2 atoms, but flat_sequence had 1 items.  Structure: [1, 2], flat_sequence: [7].",
    ),
    (
        "N.pack_sequence_as([1, 2], [7, 8, 9])",
        "ValueError: Could not pack sequence. Structure had 2 atoms, but flat_sequence had 3 items.  Structure: [1, 2], flat_sequence: [7, 8, 9].",
    ),
    (
        "N.pack_sequence_as(1, [7, 8])",
        "ValueError: The target structure is of type `<class 'int'>`\n  1\nHowever the input is a sequence (<class 'list'>) of length 2.\n  [7, 8]\nnest cannot guarantee that it is safe to map one to the other.",
    ),
    (
        'N.pack_sequence_as([1, 2], "ab")',
        "TypeError: Attempted to pack value:\n  ab\ninto a structure, but found incompatible type `<class 'str'>` instead.",
    ),
    (
        'N.pack_sequence_as("a" * 120, "b")',
        "TypeError: Attempted to pack value:\n  b\ninto a structure, but found incompatible type `<class 'str'>` instead.",
    ),
    ('N.pack_sequence_as({1: 2, "a": 3}, [7, 8])', "TypeError: nest only supports dicts with sortable keys."),
    (
        "N.pack_sequence_as(M2(a=dict(b=1)), [7])",
        "TypeError: Error creating an object of type <class '{here}.M2'> like M({'b': 1}). Note that it must accept a single positional argument representing an iterable of key-value pairs, in addition to self. Cause: M2.__init__() takes 1 positional argument but 2 were given",
    ),
    ('N.list_to_tuple([1, {"a": [2, 3]}, (4, [5])])', "(1, {'a': (2, 3)}, (4, (5,)))"),
    # map_structure
    (
        'N.map_structure(lambda x: x + 1, {"a": [1, 2], "b": (3,)}), N.map_structure(abs, -3), N.map_structure(abs, [])',
        "({'a': [2, 3], 'b': (4,)}, 3, [])",
    ),
    ('N.map_structure(lambda x, y: x + y, {"a": 1, "b": 2}, OD([("b", 10), ("a", 20)]))', "{'a': 21, 'b': 12}"),
    ("N.map_structure(lambda x, y: x + y, [1, 2], (3, 4), check_types=False)", "[4, 6]"),
    ("N.map_structure(1, [1])", "TypeError: func must be callable, got: 1"),
    ("N.map_structure(abs)", "ValueError: Must provide at least one structure"),
    (
        "N.map_structure(abs, [1], foo=1)",
        "ValueError: Only valid keyword arguments are `check_types` and `expand_composites`, not: `foo`",
    ),
    (
        "N.map_structure(lambda x, y: 0, [1], [1, 2])",
        "ValueError: The two structures don't have the same nested structure.\n\nFirst structure: type=list str=[1]\n\nSecond structure: type=list str=[1, 2]\n\nMore specifically: The two structures don't have the same number of elements. First structure: type=list str=[1]. Second structure: type=list str=[1, 2]\nEntire first structure:\n[.]\nEntire second structure:\n[., .]",
    ),
    (
        'N.map_structure_with_paths(lambda p, x, k=0: (p, x, k), {"a": [1, 2]}, k=3)',
        "{'a': [('a/0', 1, 3), ('a/1', 2, 3)]}",
    ),
    (
        "N.map_structure_with_tuple_paths(lambda p, x, y: (p, x, y), [1, (2,)], [3, (4,)])",
        "[((0,), 1, 3), (((1, 0), 2, 4),)]",
    ),
    (
        'N.map_structure_up_to({"a": 1, "b": [1, 2]}, lambda x, y: (x, y), {"a": 5, "b": [6, 7]}, {"a": (8, 9), "b": ["x", ("y",)]})',
        "{'a': (5, (8, 9)), 'b': [(6, 'x'), (7, ('y',))]}",
    ),
    ("N.map_structure_up_to([1], abs)", "ValueError: Cannot map over no sequences"),
    # Up to a shallow tree
    (
        'N.flatten_up_to([1, 2], [[3, 4], [5]]), N.flatten_up_to({"a": 1}, {"a": [1, 2]}), N.flatten_up_to(0, [1])',
        "([[3, 4], [5]], [[1, 2]], [[1]])",
    ),
    (
        'N.flatten_up_to({"a": 1}, {"a": [1, 2], "b": 2})',
        "ValueError: The two structures don't have the same sequence length. Input structure has length 2, while shallow structure has length 1.",
    ),
    (
        "N.flatten_up_to([1, 2], 3)",
        "TypeError: If shallow structure is a sequence, input must also be a sequence. Input has type: <class 'int'>.",
    ),
    (
        "N.flatten_up_to([1, 2], (3, 4))",
        "TypeError: The two structures don't have the same sequence type. Input structure has type <class 'tuple'>, while shallow structure has type <class 'list'>.",
    ),
    ("N.flatten_up_to([1, 2], (3, 4), check_types=False)", "[3, 4]"),
    (
        'N.flatten_up_to({"a": 1}, {"b": 2})',
        "ValueError: The shallow_tree's keys are not a subset of the input_tree's keys. The shallow_tree has the following keys that are not in the input_tree: ['a'].",
    ),
    ('N.flatten_up_to(NT1(1, 2), NT2(3, [4])), N.flatten_up_to({"a": 1}, M(a=[2]))', "([3, [4]], [[2]])"),
    (
        "N.flatten_up_to(NT1(1, 2), NT3(3, 4))",
        "TypeError: The two structures don't have the same sequence type. Input structure has type <class '{here}.Other'>, while shallow structure has type <class '{here}.NT'>.",
    ),
    ('N.flatten_with_tuple_paths_up_to([1, {"a": 2}], [3, {"a": [4]}])', "[((0,), 3), ((1, 'a'), [4])]"),
    (
        'N.get_traverse_shallow_structure(lambda s: not isinstance(s, tuple), [1, (2, 3), {"a": (4,)}])',
        "[True, False, {'a': False}]",
    ),
    (
        "N.get_traverse_shallow_structure(lambda s: [True, False] if isinstance(s, list) else True, [1, [2, 3]])",
        "[True, False]",
    ),
    (
        "N.get_traverse_shallow_structure(lambda s: [True], 1)",
        "TypeError: traverse_fn returned structure: [True] for non-structure: 1",
    ),
    (
        "N.get_traverse_shallow_structure(lambda s: 1, [1])",
        "TypeError: traverse_fn returned a non-bool scalar: 1 for input: [1]",
    ),
    (
        "N.get_traverse_shallow_structure(lambda s: [1], [1])",
        "TypeError: traverse_fn didn't return a depth=1 structure of bools.  saw: [1]  for structure: [1]",
    ),
    # assert_same_structure
    ('N.assert_same_structure([1, {"a": (2, 3)}], ["x", {"a": (None, 4)}])', "None"),
    ("N.assert_same_structure([1, 2], (1, 2), check_types=False)", "None"),
    (
        'N.assert_same_structure(NT1(1, 2), NT2(3, 4)), N.assert_same_structure(L([1]), [2]), N.assert_same_structure({"a": 1}, OD(a=2))',
        "(None, None, None)",
    ),
    (
        'N.assert_same_structure([1, {"a": 2}], [1, {"a": [2]}])',
        "ValueError: The two structures don't have the same nested structure.\n\nFirst structure: type=list str=[1, {'a': 2}]\n\nSecond structure: type=list str=[1, {'a': [2]}]\n\nMore specifically: Substructure \"type=list str=[2]\" is a sequence, while substructure \"type=int str=2\" is not\nEntire first structure:\n[., {'a': .}]\nEntire second structure:\n[., {'a': [.]}]",
    ),
    (
        "N.assert_same_structure([1, 2], (1, 2))",
        "TypeError: The two structures don't have the same nested structure.\n\nFirst structure: type=list str=[1, 2]\n\nSecond structure: type=tuple str=(1, 2)\n\nMore specifically: The two namedtuples don't have the same sequence type. First structure type=list str=[1, 2] has type list, while second structure type=tuple str=(1, 2) has type tuple\nEntire first structure:\n[., .]\nEntire second structure:\n(., .)",
    ),
    (
        "N.assert_same_structure([NT1(1, 2)], [NT3(1, 2)])",
        "TypeError: The two structures don't have the same nested structure.\n\nFirst structure: type=list str=[NT(x=1, y=2)]\n\nSecond structure: type=list str=[Other(x=1, y=2)]\n\nMore specifically: The two namedtuples don't have the same sequence type. First structure type=NT str=NT(x=1, y=2) has type NT, while second structure type=Other str=Other(x=1, y=2) has type Other\nEntire first structure:\n[NT(x=., y=.)]\nEntire second structure:\n[Other(x=., y=.)]",
    ),
    (
        'N.assert_same_structure({"a": 1}, {"b": 1})',
        "ValueError: The two structures don't have the same nested structure.\n\nFirst structure: type=dict str={'a': 1}\n\nSecond structure: type=dict str={'b': 1}\n\nMore specifically: The two dictionaries don't have the same set of keys. First structure has keys type=list str=['a'], while second structure has keys type=list str=['b']\nEntire first structure:\n{'a': .}\nEntire second structure:\n{'b': .}",
    ),
    (
        "N.assert_same_structure([1, 2], [1, 2, 3])",
        "ValueError: The two structures don't have the same nested structure.\n\nFirst structure: type=list str=[1, 2]\n\nSecond structure: type=list str=[1, 2, 3]\n\nMore specifically: The two structures don't have the same number of elements. First structure: type=list str=[1, 2]. Second structure: type=list str=[1, 2, 3]\nEntire first structure:\n[., .]\nEntire second structure:\n[., ., .]",
    ),
    (
        "N.assert_same_structure(OD(a=1), [1])",
        "TypeError: The two structures don't have the same nested structure.\n\nFirst structure: type=OrderedDict str=OrderedDict([('a', 1)])\n\nSecond structure: type=list str=[1]\n\nMore specifically: The two namedtuples don't have the same sequence type. First structure type=OrderedDict str=OrderedDict([('a', 1)]) has type collections.OrderedDict, while second structure type=list str=[1] has type list\nEntire first structure:\nOrderedDict([('a', .)])\nEntire second structure:\n[.]",
    ),
]


@pytest.mark.parametrize(("expression", "answer"), TABLE, ids=[row[0] for row in TABLE])
def test_as_tensorflow(expression, answer):
    try:
        found = repr(eval(expression, NAMES))
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    assert found == answer.replace("{here}", __name__)


class Rows:
    """A composite: values at some indices, of so many."""

    def __init__(self, values, indices, rows):
        self.values, self.indices, self.rows = values, indices, rows


@pytest.fixture
def composite():
    nest.register_composite(
        Rows,
        lambda x: (x.values, x.indices),
        lambda like, parts: Rows(*parts, like.rows),
        compatible=lambda a, b: a.rows == b.rows,
    )
    yield
    del nest._composites[Rows]
    nest._with_composites.clear()


def test_composites(composite):
    x = Rows([1, 2], 3, rows=9)
    assert not nest.is_nested(x) and nest.is_nested_or_composite(x) and nest.flatten([x, 4]) == [x, 4]
    assert nest.flatten([x, 4], expand_composites=True) == [1, 2, 3, 4]
    assert nest.flatten_with_joined_string_paths({"a": x}, expand_composites=True) == [
        ("a/Rows/0/0", 1),
        ("a/Rows/0/1", 2),
        ("a/Rows/1", 3),
    ]
    twice = nest.map_structure(lambda v: 2 * v, [x], expand_composites=True)[0]
    assert (twice.values, twice.indices, twice.rows) == ([2, 4], 6, 9)
    nest.assert_same_structure(x, Rows([5, 6], 7, rows=9), expand_composites=True)
    with pytest.raises(ValueError, match="Incompatible CompositeTensor TypeSpecs"):
        nest.assert_same_structure(x, Rows([5, 6], 7, rows=8), expand_composites=True)
    with pytest.raises(ValueError, match="is a sequence, while substructure"):
        nest.assert_same_structure([x], [1], expand_composites=True)
    with pytest.raises(TypeError, match="don't have the same sequence type"):
        nest.assert_shallow_structure(x, [1], expand_composites=True)


def test_structures_that_hold_themselves_are_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(RecursionError):
        nest.flatten(loop)


def test_older_names():
    assert nest.is_sequence is nest.is_nested and nest._sequence_like is nest.sequence_like

"""Static shapes. The table gives expressions and what TensorFlow 2.21 answers, results as `repr`, errors with class."""
# ruff: noqa: E501 (TensorFlow's messages are longer than our lines)

import copy
import pickle

import numpy as np
import pytest

from tfcompat._src import shapes as S
from tfcompat._src.shapes import BroadcastError, TensorShape, broadcast_dims, dims_text, merge_dims

NAMES = {
    "S": S, "T": S.TensorShape, "D": S.Dimension, "bs": S.broadcast_shape, "bc": S.is_broadcast_compatible,
    "np": np, "copy": copy, "pickle": pickle,
}  # fmt: skip

# Rows that begin with "v1 " are asked with TF1's behaviour on.
TABLE = [
    # Making and showing
    ("T(None)", "TensorShape(None)"),
    ("T([])", "TensorShape([])"),
    ("T([None, 784])", "TensorShape([None, 784])"),
    ("T(5)", "TensorShape([5])"),
    ("T((2, D(3)))", "TensorShape([2, 3])"),
    ("T([D(None), 2])", "TensorShape([None, 2])"),
    ("T(np.array([2, 3]))", "TensorShape([2, 3])"),
    ("T([np.int32(3)])", "TensorShape([3])"),
    ("T(range(3))", "TensorShape([0, 1, 2])"),
    ("T(T([1]))", "TensorShape([1])"),
    ("T([-1, 2])", "ValueError: Dimension -1 must be >= 0"),
    (
        "T([1.5])",
        "TypeError: Dimension value must be integer or None or have an __index__ method, got value '1.5' with type '<class 'float'>'",
    ),
    (
        'T("ab")',
        "TypeError: Failed to convert ''ab'' to a shape: ''a''could not be converted to a dimension. A shape should either be single dimension (e.g. 10), or an iterable of dimensions (e.g. [1, 10, None]).",
    ),
    ("str(T(None))", "'<unknown>'"),
    ("str(T([]))", "'()'"),
    ("str(T([None]))", "'(None,)'"),
    ("str(T([None, 784]))", "'(None, 784)'"),
    ('f"{T([3])}"', "'(3,)'"),
    ("v1 T([None, 784])", "TensorShape([Dimension(None), Dimension(784)])"),
    ("v1 str(T([None, 784]))", "'(?, 784)'"),
    ("v1 str(T([7]))", "'(7,)'"),
    ("v1 str(T(None))", "'<unknown>'"),
    # Reading
    ("T([3, 4]).rank, T(None).rank, T([3]).ndims", "(2, None, 1)"),
    ("T([3, None]).dims", "[Dimension(3), Dimension(None)]"),
    ("T(None).dims", "None"),
    ("T([3, None]).as_list()", "[3, None]"),
    ("T(None).as_list()", "ValueError: as_list() is not defined on an unknown TensorShape."),
    (
        "T([3, 4]).num_elements(), T([]).num_elements(), T([None]).num_elements(), T([0, 2]).num_elements()",
        "(12, 1, None, 0)",
    ),
    (
        "T([3, 4]).is_fully_defined(), T([3, None]).is_fully_defined(), T(None).is_fully_defined()",
        "(True, False, False)",
    ),
    ("T([3, None]).assert_is_fully_defined()", "ValueError: Shape (3, None) is not fully defined"),
    ("len(T([3, 4])), bool(T([])), bool(T(None))", "(2, True, False)"),
    ("len(T(None))", "ValueError: Cannot take the length of shape with unknown rank."),
    ("list(T([3, None]))", "[3, None]"),
    ("list(T(None))", "ValueError: Cannot iterate over a shape with unknown rank."),
    ("v1 list(T([3, None]))", "[Dimension(3), Dimension(None)]"),
    ("T([3, None])[0], T([3, None])[-1], T(None)[2]", "(3, None, None)"),
    ("T([3])[7]", "IndexError: tuple index out of range"),
    ("v1 T([3, None])[0], T([3, None])[-1], T(None)[2]", "(Dimension(3), Dimension(None), Dimension(None))"),
    ("v1 T([3])[7]", "IndexError: list index out of range"),
    (
        "T([1, 2, 3])[1:], T([1, 2, 3])[::2], T([1, 2, 3])[:-1]",
        "(TensorShape([2, 3]), TensorShape([1, 3]), TensorShape([1, 2]))",
    ),
    ("v1 T([1, 2, 3])[1:]", "TensorShape([Dimension(2), Dimension(3)])"),
    ("T(None)[1:3], T(None)[1:], T(None)[:-1]", "(TensorShape([None, None]), TensorShape(None), TensorShape(None))"),
    ("T(None)[::2]", "ValueError: Steps are not yet handled"),
    ("T([3, 4]).__reduce__()[1]", "([Dimension(3), Dimension(4)],)"),
    ("pickle.loads(pickle.dumps(T([3, None]))), copy.deepcopy(T(None))", "(TensorShape([3, None]), TensorShape(None))"),
    ("{T([1, 2]): 3}[T([1, 2])]", "3"),
    ("np.zeros(T([2, 3])).shape", "(2, 3)"),
    ("3 in T([1, 3])", "True"),
    # Comparing
    (
        "T([1, None]) == T([1, None]), T([1, None]) == [1, None], T([1, 2]) == (1, 2), T([1]) == T(None), T(None) == None",
        "(True, True, True, False, True)",
    ),
    ('T([3]) != 3, T([3]) == 3, T([1]) == object(), T([1]) == "ab"', "(False, True, False, False)"),
    (
        "T([3, None]).is_compatible_with([None, 4]), T([3]).is_compatible_with([4]), T(None).is_compatible_with([1])",
        "(True, False, True)",
    ),
    ("T([3, 4]).assert_is_compatible_with([3])", "ValueError: Shapes (3, 4) and [3] are incompatible"),
    ("T([3, 4]).assert_is_compatible_with(T([3, 5]))", "ValueError: Shapes (3, 4) and (3, 5) are incompatible"),
    ("v1 T([None, 4]).assert_is_compatible_with(T([3, 5]))", "ValueError: Shapes (?, 4) and (3, 5) are incompatible"),
    ("T([3, 4]).assert_same_rank([3])", "ValueError: Shapes (3, 4) and (3,) must have the same rank"),
    ("T([3, 4]).assert_has_rank(1)", "ValueError: Shape (3, 4) must have rank 1"),
    ("T([3, 4]).with_rank(2), T(None).with_rank(2)", "(TensorShape([3, 4]), TensorShape([None, None]))"),
    ("T([3, 4]).with_rank(1)", "ValueError: Shape (3, 4) must have rank 1"),
    ("T([3, 4]).with_rank_at_least(3)", "ValueError: Shape (3, 4) must have rank at least 3"),
    ("T([3, 4]).with_rank_at_most(1)", "ValueError: Shape (3, 4) must have rank at most 1"),
    (
        "T([1, 2]).is_subtype_of(T([None, 2])), T([None, 2]).is_subtype_of(T([1, 2])), T([1]).is_subtype_of(T(None))",
        "(True, False, True)",
    ),
    ("T(None).is_subtype_of(T([1])), T([1]).is_subtype_of([1])", "(False, False)"),
    # Combining
    (
        "T([3, None]).merge_with([None, 4]), T(None).merge_with([1]), T([1]).merge_with(None)",
        "(TensorShape([3, 4]), TensorShape([1]), TensorShape([1]))",
    ),
    ("T([3, 4]).merge_with([3, 5])", "ValueError: Shapes (3, 4) and (3, 5) are not compatible"),
    ("T([3, 4]).merge_with([3])", "ValueError: Shapes (3, 4) and (3,) are not compatible"),
    (
        "T([1, 2]).concatenate([3]), T([1]) + 3, [1] + T([2]), (1, 2) + T([3]), T([1]) + T(None), T([1]) + D(3)",
        "(TensorShape([1, 2, 3]), TensorShape([1, 3]), TensorShape([1, 2]), TensorShape([1, 2, 3]), TensorShape(None), TensorShape([1, 3]))",
    ),
    (
        "T([1, 2, 3]).most_specific_compatible_shape([1, 5, 3]), T([1]).most_specific_compatible_shape([1, 2])",
        "(TensorShape([1, None, 3]), TensorShape(None))",
    ),
    (
        "T([1, 2]).most_specific_common_supertype([T([None, 2]), T([1, 3])]), T([1]).most_specific_common_supertype([T([1, 2])])",
        "(TensorShape([None, None]), TensorShape(None))",
    ),
    ("T([1]).most_specific_common_supertype([[1]])", "None"),
    (
        "bs(T([3, 1]), T([4])), bs(T([None, 1]), T([5])), bs(T([None]), T([1])), bs(T(None), T([1])), bs(T([None]), T([0]))",
        "(TensorShape([3, 4]), TensorShape([None, 5]), TensorShape([None]), TensorShape(None), TensorShape([None]))",
    ),
    (
        "bs(T([3, 4]), T([3]))",
        "ValueError: Incompatible shapes for broadcasting. Two shapes are compatible if for each dimension pair they are either equal or one of them is 1. Received: (3, 4) and (3,).",
    ),
    ("bc(T([3, 4]), T([3])), bc(T([3, 4]), T([1])), bc(T(None), T([1]))", "(False, True, False)"),
    # Helpers
    (
        "S.as_shape([1, None]), S.unknown_shape(), S.unknown_shape(2), S.unknown_shape(ndims=2), S.unknown_shape(rank=0)",
        "(TensorShape([1, None]), TensorShape(None), TensorShape([None, None]), TensorShape([None, None]), TensorShape([]))",
    ),
    ("S.unknown_shape(foo=2)", "TypeError: Unknown argument: {'foo': 2}"),
    ("S.dimension_value(D(3)), S.dimension_value(4), S.dimension_value(None)", "(3, 4, None)"),
    ("S.dimension_at_index(T(None), 1), S.dimension_at_index(T([3, 4]), 1)", "(Dimension(None), Dimension(4))"),
    # Dimension
    (
        "D(4), D(None), str(D(4)), str(D(None)), int(D(4)), bool(D(0)), D(4).value",
        "(Dimension(4), Dimension(None), '4', '?', 4, False, 4)",
    ),
    ("D(-1)", "ValueError: Dimension -1 must be >= 0"),
    (
        "D(2.5)",
        "TypeError: Dimension value must be integer or None or have an __index__ method, got value '2.5' with type '<class 'float'>'",
    ),
    (
        'D("a")',
        "TypeError: Dimension value must be integer or None or have an __index__ method, got value ''a'' with type '<class 'str'>'",
    ),
    (
        "D(12) + 3, 3 + D(12), D(12) - 3, 13 - D(12), D(12) * 2, 2 * D(12), D(12) // 5, 25 // D(12), D(12) % 5, 25 % D(12)",
        "(Dimension(15), Dimension(15), Dimension(9), Dimension(1), Dimension(24), Dimension(24), Dimension(2), Dimension(2), Dimension(2), Dimension(1))",
    ),
    (
        "D(None) + 3, 3 - D(None), D(None) * D(2), D(None) // 2, 5 % D(None)",
        "(Dimension(None), Dimension(None), Dimension(None), Dimension(None), Dimension(None))",
    ),
    ("[4] * D(3), [1, 2, 3][D(1)], np.zeros(D(2)).shape", "([4, 4, 4], 2, (2,))"),
    ("D(6) / D(2)", "TypeError: unsupported operand type(s) for /: 'Dimension' and 'Dimension', please use // instead"),
    ("D(6) / 2", "TypeError: unsupported operand type(s) for /: 'Dimension' and 'int', please use // instead"),
    ("6 / D(2)", "TypeError: unsupported operand type(s) for /: 'int' and 'Dimension', please use // instead"),
    ('D(6) + "a"', "TypeError: unsupported operand type(s) for +: 'Dimension' and 'str'"),
    ("2.5 + D(6)", "TypeError: unsupported operand type(s) for +: 'Dimension' and 'float'"),
    ("D(6) - 7", "ValueError: Dimension -1 must be >= 0"),
    (
        'D(1) < 2, D(2) <= 2, D(3) > D(4), D(3) >= 3, D(3) == 3, D(3) != 3, D(3) == "a"',
        "(True, True, False, True, True, False, False)",
    ),
    ("D(None) < 2, D(1) <= None, D(None) == D(None), D(None) != 1, D(None) == 2.5", "(None, None, None, None, False)"),
    (
        'D(3) < "a"',
        "TypeError: Dimension value must be integer or None or have an __index__ method, got value ''a'' with type '<class 'str'>'",
    ),
    (
        "D(3).is_compatible_with(None), D(3).is_compatible_with(4), D(3).merge_with(None), D(None).merge_with(4)",
        "(True, False, Dimension(3), Dimension(4))",
    ),
    ("D(3).merge_with(4)", "ValueError: Dimensions 3 and 4 are not compatible"),
    ("D(3).assert_is_compatible_with(4)", "ValueError: Dimensions 3 and 4 are not compatible"),
    ("hash(D(3))", "TypeError: unhashable type: 'Dimension'"),
]


@pytest.fixture(autouse=True)
def v2():
    yield
    S.set_v2_tensorshape(True)


@pytest.mark.parametrize(("expression", "answer"), TABLE, ids=[row[0] for row in TABLE])
def test_as_tensorflow(expression, answer):
    S.set_v2_tensorshape(not expression.startswith("v1 "))
    try:
        found = repr(eval(expression.removeprefix("v1 "), NAMES))
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    assert found == answer


MERGES = [
    ((None, 3), (2, None), (2, 3)),
    (None, (2,), (2,)),
    ((2,), None, (2,)),
    ((2,), (3,), "Dimension 0 in both shapes must be equal, but are 2 and 3. Shapes are [2] and [3]."),
    ((None, 2), (2,), "Shapes must be equal rank, but are 2 and 1"),
]


@pytest.mark.parametrize(("x", "y", "answer"), MERGES)
def test_merge_dims(x, y, answer):
    if isinstance(answer, str):
        with pytest.raises(ValueError) as caught:
            merge_dims(x, y)
        assert str(caught.value) == answer
    else:
        assert merge_dims(x, y) == answer


BROADCASTS = [
    ((3, 1), (4,), (3, 4)), ((), (2, 3), (2, 3)), ((None,), (5,), (5,)), ((None,), (1,), (None,)),
    ((None, 1), (None, 7), (None, 7)), ((0,), (1,), (0,)), (None, (1,), None), ((2, 3), (2, 3), (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("x", "y", "answer"), BROADCASTS)
def test_broadcast_dims(x, y, answer):
    assert broadcast_dims(x, y) == broadcast_dims(y, x) == answer


def test_broadcast_dims_refuses():
    with pytest.raises(BroadcastError, match="^Dimensions must be equal, but are 3 and 4$") as caught:
        broadcast_dims((2, 3), (4,))
    assert caught.value.dims == (3, 4)


def test_text_and_quick_constructor():
    assert [dims_text(d) for d in (None, (), (2, None))] == ["<unknown>", "[]", "[2,?]"]
    dims = (None, 3)
    assert TensorShape._of(dims)._dims is dims and TensorShape._of(dims) == TensorShape([None, 3])
    assert hash(TensorShape._of(dims)) == hash(TensorShape([None, 3]))
    assert S.scalar() == [] and S.vector(3) == [3] and S.matrix(2, None) == [2, None]
    assert S.as_dims([2, S.Dimension(None)]) == (2, None)

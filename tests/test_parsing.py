"""tf.io: files, serialized tensors and tf.train.Example records; the record and the answers are TensorFlow 2.21's."""

import base64

import numpy as np
import pytest

import tfcompat as tf

v1, io = tf.compat.v1, tf.io
Invalid = tf.errors.InvalidArgumentError
# a: int64 [3, -4], f: float [1.5, 2.5, 3.5], s: bytes ["xy"]
EXAMPLE = base64.b64decode("CjoKFAoBYRIPGg0KCwP8//////////8BCgsKAXMSBgoECgJ4eQoVCgFmEhASDgoMAADAPwAAIEAAAGBA")
FEATURES = {
    "a": io.FixedLenFeature([2], tf.int64),
    "f": io.VarLenFeature(tf.float32),
    "s": io.FixedLenFeature([], tf.string),
    "m": io.FixedLenFeature([], tf.int64, default_value=7),
    "q": io.FixedLenSequenceFeature([], tf.float32, allow_missing=True),
}


def check(got, batch):
    assert (
        np.asarray(got["a"]).tolist() == ([[3, -4]] * 2 if batch else [3, -4])
        and np.asarray(got["a"]).dtype == np.int64
    )
    assert np.asarray(got["s"]).tolist() == ([b"xy"] * 2 if batch else b"xy")
    assert np.asarray(got["m"]).tolist() == ([7, 7] if batch else 7)
    assert np.asarray(got["q"]).tolist() == ([[], []] if batch else [])
    assert np.asarray(got["f"].values).tolist() == [1.5, 2.5, 3.5] * (2 if batch else 1)
    assert np.asarray(got["f"].dense_shape).tolist() == ([2, 3] if batch else [3])


@pytest.mark.parametrize("batch", [False, True])
def test_examples(batch):
    parse, given = (io.parse_example, [EXAMPLE] * 2) if batch else (io.parse_single_example, EXAMPLE)
    check(parse(given, FEATURES), batch)
    check(tf.function(lambda x: parse(x, FEATURES))(tf.constant(given)), batch)
    with tf.Graph().as_default(), v1.Session() as session:
        fed = v1.placeholder(tf.string, [None] if batch else [])
        parsed = parse(fed, FEATURES)
        assert parsed["a"].shape.as_list() == ([None, 2] if batch else [2])
        check(session.run(parsed, {fed: given}), batch)


def test_sequence_rows():
    feature = io.FixedLenSequenceFeature([], tf.float32, allow_missing=True)
    assert io.parse_example([EXAMPLE], {"f": feature})["f"].numpy().tolist() == [[1.5, 2.5, 3.5]]
    assert v1.parse_single_example(EXAMPLE, features={"a": v1.VarLenFeature(tf.int64)})[
        "a"
    ].values.numpy().tolist() == [3, -4]


@pytest.mark.parametrize(
    "key, feature, words",
    [
        ("zz", io.FixedLenFeature([], tf.int64), "Feature: zz .data type: int64. is required but could not be found"),
        ("a", io.FixedLenFeature([], tf.int64), "Key: a.  Can't parse serialized Example"),
        ("a", io.FixedLenFeature([2], tf.float32), "Data types don't match. Data type: int64 but expected type: float"),
    ],
)
def test_features_that_do_not_fit(key, feature, words):
    with pytest.raises(Invalid, match=words):
        io.parse_single_example(EXAMPLE, {key: feature})


def test_broken_record():
    with pytest.raises(Invalid, match="Could not parse example input"):
        io.parse_single_example(b"\xff\xff", FEATURES)


@pytest.mark.parametrize("value", [np.float32([[1, 2]]), np.int64([]), np.array(["a", "bc"], object), np.bool_([True])])
def test_tensors(value):
    tensor = tf.constant(value)
    assert io.parse_tensor(io.serialize_tensor(tensor), tensor.dtype).numpy().tolist() == tensor.numpy().tolist()


def test_tensor_bytes():
    known = b'\x08\x03\x12\x08\x12\x02\x08\x01\x12\x02\x08\x02"\x08\x01\x00\x00\x00\x02\x00\x00\x00'
    assert io.serialize_tensor(tf.constant([[1, 2]])).numpy() == known
    with pytest.raises(Invalid, match="Type mismatch"):
        io.parse_tensor(known, tf.float32)


def test_files(tmp_path):
    name = str(tmp_path / "deep" / "file.txt")
    io.write_file(name, "hi")
    assert io.read_file(name).numpy() == b"hi"
    with pytest.raises(tf.errors.NotFoundError):
        io.read_file(name + "x")
    with tf.Graph().as_default(), v1.Session() as session:
        write = v1.write_file(name, tf.constant("more"))
        with tf.control_dependencies([write]):
            read = v1.read_file(name)
        assert session.run(read) == b"more"

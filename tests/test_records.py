"""tf.train.Example, TFRecord files and the datasets that read files.

Wire bytes and the file below were written by TensorFlow 2.21.
"""

import gzip

import numpy as np
import pytest
from tfcompat.compat import v1

import tfcompat as tf

# tf.train.Example with a: int64 [5, -5], b: bytes ["x5"]; map entries in the order of their keys.
EXAMPLE = bytes.fromhex("0a230a140a0161120f1a0d0a0b05fbffffffffffffffff010a0b0a016212060a040a027835")
# A context feature n: int64 [3], and a feature list t of one feature: float [1, 2].
SEQUENCE = bytes.fromhex("0a0c0a0a0a016e12051a030a010312150a130a0174120e0a0c120a0a080000803f00000040")
# One record, b"abc".
RECORD = bytes.fromhex("0300000000000000b099490e6162636e57f121")


def example(i):
    feature = {
        "a": tf.train.Feature(int64_list=tf.train.Int64List(value=[i, -i])),
        "b": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x%d" % i])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature))


def test_an_example_is_the_same_bytes():
    assert example(5).SerializeToString() == EXAMPLE
    read = tf.train.Example.FromString(EXAMPLE)
    assert list(read.features.feature["a"].int64_list.value) == [5, -5]
    assert read.features.feature["b"].WhichOneof("kind") == "bytes_list"


def test_a_sequence_example_is_the_same_bytes():
    made = tf.train.SequenceExample()
    made.context.feature["n"].int64_list.value.append(3)
    made.feature_lists.feature_list["t"].feature.add().float_list.value.extend([1, 2])
    assert made.SerializeToString() == SEQUENCE


@pytest.mark.parametrize("make", [
    lambda: tf.train.BytesList(value=["text"]),
    lambda: tf.train.Int64List(value=[1.5]),
    lambda: tf.train.FloatList(value=["1"]),
])  # fmt: skip
def test_values_that_do_not_fit_a_list(make):
    with pytest.raises(TypeError):
        make()


@pytest.mark.parametrize("kind", [None, "", "GZIP", "ZLIB", tf.io.TFRecordOptions("GZIP", compression_level=9)])
def test_records_come_back(tmp_path, kind):
    path = tmp_path / "records"
    with tf.io.TFRecordWriter(str(path), kind) as writer:
        for i in range(3):
            writer.write(example(i).SerializeToString())
    dataset = tf.data.TFRecordDataset([str(path)], compression_type=getattr(kind, "compression_type", kind))
    parsed = dataset.map(
        lambda s: tf.io.parse_single_example(
            s, {"a": tf.io.FixedLenFeature([2], tf.int64), "b": tf.io.VarLenFeature(tf.string)}
        )
    )
    assert [(r["a"].numpy().tolist(), r["b"].values.numpy().tolist()) for r in parsed] == [
        ([i, -i], [b"x%d" % i]) for i in range(3)
    ]
    assert len(list(v1.python_io.tf_record_iterator(str(path), kind))) == 3


def test_a_record_is_the_same_bytes(tmp_path):
    path = tmp_path / "records"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"abc")
        with pytest.raises(TypeError):
            writer.write("abc")
    assert path.read_bytes() == RECORD


def test_a_damaged_record(tmp_path):
    path = tmp_path / "records"
    path.write_bytes(RECORD[:-1] + b"\0")
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(path)))


def test_lines_and_pieces(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"a\r\nbb\n\nccc")
    assert [x.numpy() for x in tf.data.TextLineDataset(str(path)).skip(1)] == [b"bb", b"", b"ccc"]
    assert [x.numpy() for x in tf.data.FixedLengthRecordDataset([str(path)], 2, header_bytes=1, footer_bytes=3)] == [
        b"\r\n", b"bb", b"\n\n",
    ]  # fmt: skip
    with pytest.raises(tf.errors.InvalidArgumentError, match="Excess bytes"):
        list(tf.data.FixedLengthRecordDataset(str(path), 3))


def test_files_that_are_not_there_or_not_packed(tmp_path):
    with pytest.raises(tf.errors.NotFoundError, match="nowhere"):
        list(tf.data.TFRecordDataset("nowhere"))
    path = tmp_path / "plain"
    path.write_bytes(RECORD)
    with pytest.raises(tf.errors.DataLossError, match="not packed as GZIP"):
        list(tf.data.TFRecordDataset(str(path), compression_type="GZIP"))
    with pytest.raises(ValueError, match="Not a valid compression_type"):
        tf.data.TFRecordDataset(str(path), compression_type="BZ2")
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(RECORD))
    assert [x.numpy() for x in tf.data.TFRecordDataset(str(packed), "GZIP")] == [b"abc"]


def test_names_fed_to_a_graph(tmp_path):
    path = tmp_path / "records"
    path.write_bytes(RECORD * 2)
    with tf.Graph().as_default():
        names = v1.placeholder(tf.string, [None])
        iterator = v1.data.make_initializable_iterator(v1.data.TFRecordDataset(names))
        element = iterator.get_next()
        with v1.Session() as session:
            session.run(iterator.initializer, {names: [str(path), str(path)]})
            assert [session.run(element) for _ in range(4)] == [b"abc"] * 4
            with pytest.raises(tf.errors.OutOfRangeError):
                session.run(element)


# Bytes of tf.make_tensor_proto in TensorFlow 2.21: one number has a field of its own, several keep their bytes.
@pytest.mark.parametrize("value, settings, expected", [
    (1.5, {}, "080112002a040000c03f"),
    ([1.0, 2.0], {}, "080112041202080222080000803f00000040"),
    (7, {"shape": [2, 2]}, "0803120812020802120208023a0107"),
    (["a", b"b"], {}, "0807120412020802420161420162"),
    ([], {}, "080112021200"),
])  # fmt: skip
def test_tensor_protos(value, settings, expected):
    made = tf.make_tensor_proto(value, **settings)
    assert made.SerializeToString().hex() == expected
    array = tf.make_ndarray(made)
    assert array.shape == tuple(settings.get("shape", np.shape(value)))
    flat = [v.encode() if isinstance(v, str) else v for v in np.ravel(np.array(value, object)).tolist()]
    assert array.ravel().tolist() == (flat * array.size if len(flat) == 1 else flat)

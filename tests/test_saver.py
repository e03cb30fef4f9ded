"""Checkpoints: saving, restoring, which are kept, the `checkpoint` file, CRC-32C and the table format."""

import base64
import os
import threading
import zlib

import numpy as np
import pytest
from tfcompat.compat import v1 as tf

from tfcompat._src.train import table
from tfcompat._src.wire.crc32c import _short, crc32c


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


def test_save_and_restore_every_dtype(tmp_path):
    values = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b/c": np.array([1, -2], np.int64),
        "d": np.array([True, False]),
        "e": np.zeros((0, 3)),
        "f": np.array(7, np.int32),
        "g": np.array([b"x", b"", b"yz"], object),
    }
    variables = {k: tf.Variable(v, name=k) for k, v in values.items()}
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        path = saver.save(sess, str(tmp_path / "model.ckpt"), global_step=3)
    assert path == str(tmp_path / "model.ckpt-3")
    assert tf.train.list_variables(path) == sorted((k, list(v.shape)) for k, v in values.items())
    with tf.Session() as sess:
        saver.restore(sess, tf.train.latest_checkpoint(tmp_path))
        for k, v in sess.run(variables).items():
            np.testing.assert_array_equal(v, values[k])
            assert v.dtype == values[k].dtype
    np.testing.assert_array_equal(tf.train.load_variable(str(tmp_path), "a"), values["a"])


def test_only_the_last_are_kept(tmp_path):
    tf.Variable(1.0, name="v")
    saver = tf.train.Saver(max_to_keep=2)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        paths = [saver.save(sess, str(tmp_path / "m"), global_step=i) for i in range(4)]
    assert saver.last_checkpoints == paths[2:]
    assert [tf.train.checkpoint_exists(p) for p in paths] == [False, False, True, True]
    assert tf.train.get_checkpoint_state(tmp_path).all_model_checkpoint_paths == paths[2:]
    text = (tmp_path / "checkpoint").read_text()
    assert text.splitlines()[0] == f'model_checkpoint_path: "{paths[3]}"'


def test_relative_paths_move_with_their_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tf.Variable(1.0, name="v")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        tf.train.Saver().save(sess, "runs/model")
    os.rename("runs", "moved")
    assert tf.train.latest_checkpoint("moved") == os.path.join("moved", "model")


def test_subset_under_other_names(tmp_path):
    a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        path = tf.train.Saver({"x": a}).save(sess, str(tmp_path / "m"))
        tf.train.Saver({"x": b}).restore(sess, path)
        assert sess.run([a, b]) == [1.0, 1.0]


def test_errors(tmp_path):
    a = tf.Variable(tf.zeros([2]), name="a")
    saver = tf.train.Saver()
    with tf.Session() as sess:
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized"):
            saver.save(sess, str(tmp_path / "m"))
        sess.run(tf.global_variables_initializer())
        path = saver.save(sess, str(tmp_path / "m"))
        with pytest.raises(ValueError, match="None"):
            saver.restore(sess, None)
        with pytest.raises(ValueError, match="not a valid checkpoint"):
            saver.restore(sess, str(tmp_path / "nothing"))
        with pytest.raises(TypeError, match="must be a Session"):
            saver.save("no session", str(tmp_path / "m"))
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.Variable(tf.zeros([3]), name="a")
        with pytest.raises(tf.errors.InvalidArgumentError, match="shapes"):
            tf.train.Saver().restore(sess, path)
        tf.Variable(1.0, name="other")
        with pytest.raises(tf.errors.NotFoundError, match="Key other not found"):
            tf.train.Saver().restore(sess, path)
    with tf.Graph().as_default(), pytest.raises(ValueError, match="No variables to save"):
        tf.train.Saver()
    with pytest.raises(ValueError, match="same name"):
        tf.train.Saver([a, a])


def test_damage_is_noticed(tmp_path):
    tf.Variable(np.arange(9.0), name="a")
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        path = saver.save(sess, str(tmp_path / "m"))
        data = tmp_path / "m.data-00000-of-00001"
        data.write_bytes(b"\1" + data.read_bytes()[1:])
        with pytest.raises(tf.errors.DataLossError, match="a in checkpoint"):
            saver.restore(sess, path)


def test_crc32c_known_answers():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    data = np.random.default_rng(0).bytes(50_001)
    assert crc32c(data) == _short(data, 0xFFFFFFFF) ^ 0xFFFFFFFF
    assert crc32c(data[20_000:], crc32c(data[:20_000])) == crc32c(data)


def test_tables_of_many_blocks():
    pairs = [(f"key/{i:06d}".encode(), bytes([i % 251]) * (i % 90)) for i in range(20_000)]
    assert list(table.read(table.build(pairs))) == pairs
    with pytest.raises(tf.errors.DataLossError):
        list(table.read(b"x" * 100))


def test_coordinator_hands_on_what_stopped_it():
    import threading

    coord = tf.train.Coordinator()

    def work():
        with coord.stop_on_exception():
            raise KeyError("stop")

    thread = threading.Thread(target=work)
    thread.start()
    with pytest.raises(KeyError):
        coord.join([thread])
    with tf.Session() as sess:
        assert tf.train.start_queue_runners(sess) == []


# What TensorFlow 2.21's Saver(write_version=1) wrote of VERSION_1_VALUES.
VERSION_1 = (
    "eNpjYHDjcuGS5mLPSaxMLdIvF+IQYuJgAmEJRiUWLgYg5OFiKS5JLRBikOBUYuAS5mItzy9KKRZiAStiV2LiYgCyGBkEVBmgZjAwMjI11DfU"
    "CykjjAUbJSWkJcDAcMCeAUgwMDTYAbEDI7sEyHQGRgYhMZhFUjxBXD//QwEjI7cY2EagsYxAQ0VgDgBaLMXuxJyfl+rEAAKMIKIu6s8rOOfA"
    "p4UbGBiZGRnOM8LFSmpubLrCyPGQkZ+BIAj/3dCtUup+GwAfsTlC"
)
VERSION_1_VALUES = {
    "layer/w": np.array([[1.5, -2.0], [0.25, 4.0]], np.float32),
    "step": np.array(-7, np.int64),
    "words": np.array([b"one", b""], object),
}


def test_a_checkpoint_of_version_1_from_tensorflow(tmp_path):
    path = str(tmp_path / "old.ckpt")
    with open(path, "wb") as file:
        file.write(zlib.decompress(base64.b64decode(VERSION_1)))
    assert tf.train.list_variables(path) == [("layer/w", [2, 2]), ("step", []), ("words", [2])]
    assert tf.train.load_variable(path, "step") == -7
    variables = {k: tf.Variable(np.zeros_like(v) if k != "words" else [b"", b""]) for k, v in VERSION_1_VALUES.items()}
    saver = tf.train.Saver(variables, write_version=1)
    with tf.Session() as sess:
        saver.restore(sess, path)
        for k, v in sess.run(variables).items():
            np.testing.assert_array_equal(v, VERSION_1_VALUES[k])
        again = saver.save(sess, str(tmp_path / "new.ckpt"), write_meta_graph=False)
    with open(path, "rb") as wanted, open(again, "rb") as got:
        assert list(table.read(got.read())) == list(table.read(wanted.read()))


@pytest.mark.parametrize("sharded", [False, True])
def test_version_1_of_every_dtype(tmp_path, sharded):
    values = [
        np.array(v, t)
        for t in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "c8", "c16")
        for v in ([[1, 2], [3, 100]], 5, np.zeros((0, 2)))
    ]
    values += [np.array([True, False]), np.array([-3, -(2**40)]), np.array([-1.5, 2.0**-20], np.float16)]
    variables = [tf.Variable(v, name=f"v{i}") for i, v in enumerate(values)]
    saver = tf.train.Saver(sharded=sharded, write_version=tf.train.SaverDef.V1, max_to_keep=1)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        saver.save(sess, str(tmp_path / "first"))
        path = saver.save(sess, str(tmp_path / "m"), global_step=2)
        assert os.path.basename(path) == ("m-2-?????-of-00001" if sharded else "m-2")
        assert sorted(os.listdir(tmp_path)) == ["checkpoint", "m-2-00000-of-00001" if sharded else "m-2", "m-2.meta"]
        assert tf.train.checkpoint_exists(path) and len(tf.train.get_checkpoint_mtimes([path])) == 1
        assert tf.train.latest_checkpoint(tmp_path) == path
    with tf.Session() as sess:
        saver.restore(sess, path)
        for got, wanted in zip(sess.run(variables), values, strict=True):
            np.testing.assert_array_equal(got, wanted)
            assert got.dtype == wanted.dtype
    tf.train.remove_checkpoint(path, 1)
    assert os.listdir(tmp_path) == ["checkpoint"]


def test_import_into_a_graph_that_is_not_current(tmp_path):
    v, other = tf.Variable(3.0, name="v"), tf.Graph()
    with tf.Session() as sess:
        sess.run(v.initializer)
        path = tf.train.Saver().save(sess, str(tmp_path / "m"))
    saver = tf.train.import_meta_graph(path + ".meta", graph=other)
    with tf.Session(graph=other) as sess:
        saver.restore(sess, path)
        assert sess.run(other.get_collection("variables")) == [3.0]


def test_saving_while_another_thread_trains(tmp_path):
    """A step gives up the buffers of what it overwrites, but not of what is being written to a file."""
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.get_variable("w", initializer=tf.zeros([1000]))
        train = tf.assign_add(w, tf.ones([1000]))
        saver, over = tf.train.Saver(), threading.Event()
        session.run(tf.global_variables_initializer())

        def steps():
            while not over.is_set():
                session.run(train.op)

        thread = threading.Thread(target=steps)
        thread.start()
        try:
            for _ in range(60):
                saver.save(session, str(tmp_path / "model"), write_meta_graph=False)
        finally:
            over.set()
            thread.join()
        saved = tf.train.load_checkpoint(str(tmp_path / "model")).get_tensor("w")
        assert saved[0] > 0
        assert (saved == saved[0]).all()

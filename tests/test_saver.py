"""Checkpoints: saving, restoring, which are kept, the `checkpoint` file, CRC-32C and the table format."""

import os

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

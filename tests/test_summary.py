"""Summaries and event files."""

import os

import numpy as np
import pytest
from tfcompat.compat import v1 as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


def values(encoded):
    return {v.tag: v for v in tf.Summary.FromString(encoded).value}


def test_merged_summaries():
    x = tf.placeholder(tf.float32, [None])
    with tf.name_scope("sc"):
        assert tf.summary.scalar("my loss", tf.reduce_mean(x)).name == "sc/my_loss:0"
    tf.summary.scalar("a", x[0], family="f")
    tf.summary.histogram("h", x)
    tf.summary.text("t", tf.constant("hello"))
    merged = tf.summary.merge_all()
    assert merged.name == "Merge/MergeSummary:0"
    with tf.Session() as sess:
        found = values(sess.run(merged, {x: [1, 2, 3, -1]}))
    assert list(found) == ["sc/my_loss", "f/f/a", "h", "t"]
    assert found["sc/my_loss"].simple_value == 1.25 and found["f/f/a"].simple_value == 1.0
    histogram = found["h"].histo
    assert (histogram.min, histogram.max, histogram.num, histogram.sum) == (-1, 3, 4, 5)
    # TensorFlow 2.21's buckets for these values.
    np.testing.assert_allclose(
        histogram.bucket_limit[:-1],
        [-1.00897105, -0.91724641, 0.91724641, 1.00897105, 1.96619866, 2.16281853, 2.87871147, 3.16658261],
        rtol=1e-6,
    )
    assert list(histogram.bucket) == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert found["t"].tensor.string_val == [b"hello"]


def test_images_are_png():
    image = tf.summary.image("i", np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 4, 4, 1))
    with tf.Session() as sess:
        found = values(sess.run(image))
    assert list(found) == ["i/image/0", "i/image/1"]
    shown = found["i/image/0"].image
    assert (shown.height, shown.width, shown.colorspace) == (4, 4, 1)
    assert shown.encoded_image_string.startswith(b"\x89PNG")


def test_event_files_come_back(tmp_path):
    x = tf.placeholder(tf.float32, [])
    loss = tf.summary.scalar("loss", x)
    with tf.Session() as sess, tf.summary.FileWriter(str(tmp_path), sess.graph) as writer:
        for step in range(3):
            writer.add_summary(sess.run(loss, {x: step / 2}), step)
        writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="mine", simple_value=4.0)]), 7)
    (name,) = os.listdir(tmp_path)
    assert name.startswith("events.out.tfevents.")
    events = list(tf.train.summary_iterator(str(tmp_path / name)))
    assert events[0].file_version == "brain.Event:2" and events[1].HasField("graph_def")
    rows = [(e.step, v.tag, v.simple_value) for e in events for v in e.summary.value]
    assert rows == [(0, "loss", 0.0), (1, "loss", 0.5), (2, "loss", 1.0), (7, "mine", 4.0)]


def test_not_finite_values_are_refused():
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match="Nan in summary histogram for: h"):
        sess.run(tf.summary.histogram("h", np.array([1.0, np.nan], np.float32)))


def test_nothing_to_merge_is_none():
    assert tf.summary.merge_all() is None

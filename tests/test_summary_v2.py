"""TF2's tf.summary: what is written where, at which step, and what TensorBoard finds in it (formats as TensorFlow 2.21 writes them)."""

import glob

import numpy as np
import pytest
from tfcompat.compat import v1

import tfcompat as tf


def events(folder):
    """{tag: (step, the value)} of the event files in a folder."""
    found = {}
    for path in sorted(glob.glob(f"{folder}/*")):
        for event in v1.train.summary_iterator(path):
            for value in event.summary.value:
                found[value.tag] = event.step, value
    return found


def array(value, dtype):
    return np.frombuffer(value.tensor.tensor_content, dtype).reshape([d.size for d in value.tensor.tensor_shape.dim])


def test_values_and_the_plugins_that_read_them(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        assert bool(tf.summary.scalar("loss", 1.5, step=3))
        tf.summary.histogram("weights", [1.0, 2.0, 3.0, 10.0], step=4, buckets=4)
        tf.summary.image("pictures", np.zeros((3, 5, 6, 3), "u1"), step=5, max_outputs=2)
        tf.summary.text("notes", "hello", step=6, description="what was said")
        tf.summary.audio("sounds", np.zeros((1, 10, 1), "f"), 8000, step=7)
        tf.summary.write("raw", tf.constant([1, 2]), step=8)
    writer.close()
    found = events(tmp_path)
    steps = {tag: step for tag, (step, _) in found.items()}
    assert steps == {"loss": 3, "weights": 4, "pictures": 5, "notes": 6, "sounds": 7, "raw": 8}
    plugins = {tag: v.metadata.plugin_data.plugin_name for tag, (_, v) in found.items()}
    assert plugins == {"loss": "scalars", "weights": "histograms", "pictures": "images", "notes": "text", "sounds": "audio", "raw": ""}  # fmt: skip
    assert array(found["loss"][1], "f4") == 1.5
    rows = [[1.0, 3.25, 3.0], [3.25, 5.5, 0.0], [5.5, 7.75, 0.0], [7.75, 10.0, 1.0]]
    assert array(found["weights"][1], "f8").tolist() == rows
    width, height, *pictures = found["pictures"][1].tensor.string_val
    assert (width, height, len(pictures)) == (b"6", b"5", 2)
    assert found["notes"][1].metadata.summary_description == "what was said"


def test_steps_and_conditions(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path))
    assert not bool(tf.summary.scalar("nowhere", 1.0, step=0))  # no writer
    with writer.as_default(step=7):
        tf.summary.scalar("seven", 1.0)
        with tf.name_scope("inside"), tf.summary.record_if(lambda: True):
            tf.summary.scalar("scoped", 1.0, step=1)
        with tf.summary.record_if(False):
            assert not bool(tf.summary.scalar("left_out", 1.0))
    with writer.as_default(), pytest.raises(ValueError, match="No step set"):
        tf.summary.scalar("a", 1.0)
    with writer.as_default(), pytest.raises(ValueError, match="Expected scalar shape, saw shape"):
        tf.summary.scalar("a", [1.0, 2.0], step=1)
    writer.close()
    with pytest.raises(RuntimeError, match="already closed"), writer.as_default():
        pass
    assert {tag: step for tag, (step, _) in events(tmp_path).items()} == {"seven": 7, "inside/scoped": 1}


def test_a_function_writes_at_every_call(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path))

    @tf.function
    def train(x, step):
        with writer.as_default():
            tf.summary.scalar("x", x, step=step)
        return x * 2.0

    for step in range(3):
        train(tf.constant(float(step)), tf.constant(step, tf.int64))
    writer.close()
    (path,) = glob.glob(f"{tmp_path}/*")
    written = [(e.step, float(array(v, "f4"))) for e in v1.train.summary_iterator(path) for v in e.summary.value]
    assert written == [(0, 0.0), (1, 1.0), (2, 2.0)]


def test_the_graph_of_a_traced_function(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path))
    with pytest.raises(ValueError, match="Must enable trace"), writer.as_default():
        tf.summary.trace_export("f", step=0)
    tf.summary.trace_on()
    tf.function(lambda x: tf.tanh(x))(tf.constant(1.0))
    with writer.as_default():
        tf.summary.trace_export("f", step=0)
    writer.close()
    (path,) = glob.glob(f"{tmp_path}/*")
    assert any(b"Tanh" in e.graph_def for e in v1.train.summary_iterator(path))
    with pytest.raises(NotImplementedError, match="jax.profiler"):
        tf.summary.trace_on(profiler=True)

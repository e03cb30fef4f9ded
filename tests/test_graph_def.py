"""Graphs as protocol buffers: written, read, frozen, with collections.  graph_def.json.gz holds what TensorFlow wrote and computed."""

import base64
import gzip
import json
import os
import pathlib

import numpy as np
import pytest
from tfcompat.compat import v1 as tf

from tfcompat._src.wire import text

GOLDEN = json.loads(gzip.open(pathlib.Path(__file__).parent / "goldens" / "graph_def.json.gz").read())


@pytest.fixture(autouse=True, scope="module")
def variables_of_tf1():
    """Ref variables, as in the graphs that the goldens were made of."""
    tf.disable_resource_variables()
    yield
    tf.enable_resource_variables()


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as g:
        yield g


# -- what TensorFlow wrote --------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def frozen():
    return tf.GraphDef.FromString(base64.b64decode(GOLDEN["frozen"]))


@pytest.fixture(scope="module")
def outputs(frozen):
    with tf.Graph().as_default():
        tf.import_graph_def(frozen, name="")
        with tf.Session() as sess:
            names = {k: f"out_{k}:0" for k in GOLDEN["values"]}
            return sess.run(names, {"x:0": np.array(GOLDEN["image"], np.float32)})


@pytest.mark.parametrize("name", sorted(GOLDEN["values"]))
def test_a_frozen_graph_computes_what_it_computed(name, outputs):
    np.testing.assert_allclose(outputs[name], np.array(GOLDEN["values"][name]), rtol=2e-5, atol=1e-6)


def test_text_and_bytes_say_the_same(frozen):
    assert frozen.SerializeToString() and text.merge(GOLDEN["frozen_text"], tf.GraphDef()) == frozen
    assert text.merge(str(frozen), tf.GraphDef()) == frozen


def test_a_training_graph_goes_on(tmp_path):
    """TensorFlow's .meta and checkpoint: variables, collections, and three steps of its Adam with its gradients."""
    for name, data in GOLDEN["files"].items():
        (tmp_path / name).write_bytes(base64.b64decode(data))
    prefix = str(tmp_path / "model")
    saver = tf.train.import_meta_graph(prefix + ".meta")
    feed = {"x:0": [[1, 2, 3], [0.5, -1, 2]], "t:0": [[1, 0], [0, 1]]}
    with tf.Session() as sess:
        saver.restore(sess, prefix)
        losses = [sess.run("loss:0", feed)]
        for _ in range(3):
            sess.run(GOLDEN["train"], feed)
            losses.append(sess.run("loss:0", feed))
        assert sess.run(tf.train.get_global_step()) == 3
    np.testing.assert_allclose(losses, GOLDEN["losses"], rtol=1e-5)
    assert [v.name for v in tf.trainable_variables()] == ["w:0", "b:0"]
    assert tf.get_collection("outputs")[0].name == "y:0" and tf.get_collection("numbers") == [7]


# -- what we write ----------------------------------------------------------------------------------------------------
def network():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    w = tf.Variable(tf.ones([3, 2]), name="w")
    v = tf.get_variable("v", [2], initializer=tf.zeros_initializer(), use_resource=True)
    return x, w, tf.nn.softmax(tf.matmul(x, w) + v, name="y")


NODES = {  # the NodeDefs of TensorFlow 2.21
    "MatMul": """name: "MatMul" op: "MatMul" input: "x" input: "w/read" attr { key: "T" value { type: DT_FLOAT } }
        attr { key: "grad_a" value { b: false } } attr { key: "grad_b" value { b: false } }
        attr { key: "transpose_a" value { b: false } } attr { key: "transpose_b" value { b: false } }""",
    "w": """name: "w" op: "VariableV2" attr { key: "container" value { s: "" } } attr { key: "dtype" value { type: DT_FLOAT } }
        attr { key: "shape" value { shape { dim { size: 3 } dim { size: 2 } } } } attr { key: "shared_name" value { s: "" } }""",
    "w/Assign": """name: "w/Assign" op: "Assign" input: "w" input: "ones" attr { key: "T" value { type: DT_FLOAT } }
        attr { key: "use_locking" value { b: true } } attr { key: "validate_shape" value { b: true } }""",
    "x": """name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } }
        attr { key: "shape" value { shape { dim { size: -1 } dim { size: 3 } } } }""",
    "y": """name: "y" op: "Softmax" input: "add" attr { key: "T" value { type: DT_FLOAT } }""",
}


@pytest.mark.parametrize("name", NODES)
def test_node_defs(name):
    network()
    expected = text.merge(NODES[name], tf.NodeDef())
    found = tf.get_default_graph().get_operation_by_name(name).node_def
    for field in ("name", "op", "input"):
        assert getattr(found, field) == getattr(expected, field)
    for key, value in expected.attr.items():
        if key != "use_locking":
            assert found.attr[key] == value, key


def test_there_and_back():
    x, w, y = network()
    tf.split(y, 2, axis=1)
    tf.reduce_mean(tf.transpose(y), axis=[0])
    definition = tf.get_default_graph().as_graph_def()
    with tf.Graph().as_default() as other:
        got = tf.import_graph_def(definition, name="in", return_elements=["y:0", "x:0", "w/Assign", "v/Assign"])
        with tf.Session() as sess:
            sess.run(got[2:])
            np.testing.assert_allclose(sess.run(got[0], {got[1]: [[1, 2, 3]]}), [[0.5, 0.5]])
        again = other.as_graph_def()
    assert sorted([n.name for n in again.node]) == sorted(["in/" + n.name for n in definition.node])


def test_freezing():
    x, w, y = network()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(w.assign([[1, 0], [0, 2], [1, 1]]))
        expected = sess.run(y, {x: [[1, 2, 3]]})
        made = tf.graph_util.convert_variables_to_constants(sess, sess.graph_def, ["y"])
    assert {n.op for n in made.node} == {"Placeholder", "Const", "Identity", "MatMul", "AddV2", "Softmax"}
    with tf.Graph().as_default():
        (out,) = tf.import_graph_def(made, {"x:0": tf.constant([[1.0, 2, 3]])}, ["y:0"])
        with tf.Session() as sess:
            np.testing.assert_array_equal(sess.run(out), expected)


def test_parts_of_a_graph(tmp_path):
    network()
    tf.constant(1, name="apart")
    definition = tf.get_default_graph().as_graph_def()
    part = tf.graph_util.extract_sub_graph(definition, ["MatMul"])
    assert {n.name for n in part.node} == {"x", "w", "w/read", "MatMul"}
    for as_text in (True, False):
        path = tf.train.write_graph(part, str(tmp_path / "deep"), "g", as_text=as_text)
        with tf.gfile.GFile(path, "r" if as_text else "rb") as file:
            data = file.read()
        assert (text.merge(data, tf.GraphDef()) if as_text else tf.GraphDef.FromString(data)) == part


def test_saver_and_meta_graph(tmp_path):
    x, w, y = network()
    optimizer = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(y), name="train")
    tf.add_to_collection("outputs", y)
    tf.train.string_input_producer(["file"]).dequeue(name="taken")
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(w.assign([[1, 0], [0, 2], [1, 1]]))
        prefix = saver.save(sess, str(tmp_path / "model"), global_step=5)
        expected = sess.run(y, {x: [[1, 2, 3]]})
    assert optimizer is not None and os.path.exists(prefix + ".meta")
    with tf.Graph().as_default():
        saver = tf.train.import_meta_graph(prefix + ".meta")
        with tf.Session() as sess:
            saver.restore(sess, prefix)
            np.testing.assert_array_equal(sess.run(tf.get_collection("outputs")[0], {"x:0": [[1, 2, 3]]}), expected)
            tf.train.start_queue_runners(sess)
            assert sess.run("taken:0") == b"file"
            with pytest.raises(NotImplementedError, match="train|gradient"):  # not part of the message
                sess.run("train", {"x:0": [[1, 2, 3]]})


def test_a_meta_graph_below_a_scope():
    network()
    meta = tf.train.export_meta_graph()
    with tf.Graph().as_default():
        assert tf.train.import_meta_graph(meta, import_scope="new") is not None
        assert [v.name for v in tf.global_variables()] == ["new/w:0", "new/v:0"]


def test_variables_and_savers_as_messages():
    _, w, _ = network()
    message = w.to_proto()
    assert (message.variable_name, message.initializer_name, message.snapshot_name) == ("w:0", "w/Assign", "w/read:0")
    assert tf.Variable.from_proto(message) is w
    assert tf.train.Saver(max_to_keep=3).to_proto().max_to_keep == 3


def one_node(**fields):
    return tf.GraphDef(node=[tf.NodeDef(**fields)])


REFUSED = {
    "type": (lambda: tf.import_graph_def(one_node(name="a", op="NoSuchOp")), NotImplementedError, "NoSuchOp"),
    "frames": (lambda: tf.import_graph_def(one_node(name="a", op="Enter")), NotImplementedError, "Enter.*tf.while_loop"),
    "no message": (lambda: tf.import_graph_def(""), TypeError, "GraphDef proto"),
    "input": (lambda: tf.import_graph_def(one_node(name="a", op="Identity", input=["b"])), ValueError, "'b'"),
    "map": (lambda: tf.import_graph_def(one_node(name="a", op="NoOp"), {"b:0": 1.0}), ValueError, "not found"),
    "element": (lambda: tf.import_graph_def(one_node(name="a", op="NoOp"), None, ["b"]), ValueError, "'b' not found"),
    "twice": (lambda: tf.import_graph_def(tf.GraphDef(node=[tf.NodeDef(name="a", op="NoOp")] * 2)), ValueError, "unique"),
    "file": (lambda: tf.train.import_meta_graph("/no/such/file"), OSError, "does not exist"),
    "sub graph": (lambda: tf.graph_util.extract_sub_graph(tf.GraphDef(), ["a"]), AssertionError, "not in graph"),
    "text": (lambda: text.merge("node { nam: 3 }", tf.GraphDef()), text.ParseError, "nam"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words):
        call()

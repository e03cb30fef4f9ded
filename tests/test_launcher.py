"""The launcher: scripts run as under plain Python, with TensorFlow answered by tfcompat."""

import ast
import gzip
import os
import pathlib
import signal
import subprocess
import sys
import types

import numpy as np
import pytest

import tfcompat
from tfcompat.examples.tutorials.mnist import input_data
from tfcompat.launch import (
    alias,
    cache,
    check,
    cli,
    decide,
    folding,
    libraries,
    missing,
    names,
    private,
    source,
    uninstall,
)

PROBE = '''
"""doc"""
import os, sys, pickle
class Here: pass
pickle.loads(pickle.dumps(Here()))
print(sys.argv[1:], os.path.basename(__file__), __name__, __doc__, sys.path[0] == os.path.dirname(__file__))
print(sorted(n for n in globals()), sys.modules["__main__"].__dict__ is globals())
import beside
print(beside.VALUE)
if len(sys.argv) > 1:
    exec(sys.argv[1])
'''

MANNERS = """
import collections, inspect, threading, time
import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1
assert type(tf) is type(np) and tf.__name__ == "tensorflow" and tf.__version__ == tf1.__version__ == "2.15.0"
assert tf.matmul is tf1.matmul
print([np.float32(9), np.int64(3), np.bool_(True)])
thread = threading.Thread(target=lambda: print([np.float64(0.5)]))
thread.start(); thread.join()
assert (np.int, np.float, np.object, np.str) == (int, float, object, str)
assert np.Inf == np.inf and np.product([2, 3]) == 6
for name in "complex unicode NaN NAN PINF NINF infty float_ complex_ string_ alltrue sometrue mat trapz".split():
    getattr(np, name)
print(np.array([[1], [2, 3]]).dtype, np.reshape(np.arange(4), newshape=(2, 2)).shape, np.array([1], copy=False))
print(np.fromstring(b"ab", dtype=np.uint8), np.sum(i for i in (1, 2)), np.in1d([[1, 2]], [2]), np.cast["int32"](2.7))
assert collections.Mapping and time.clock() and inspect.getargspec(lambda a: a).args == ["a"]
import fractions
assert fractions.gcd(4, 6) == 2
import jax, os
assert jax.config.jax_compilation_cache_dir.startswith(os.environ["TFCOMPAT_CACHE_DIR"])
"\\d"
"""

FAILING = """
import jax
import tensorflow as tf
def model():
    return jax.numpy.zeros(3) @ jax.numpy.zeros(4)
try:
    tf.nn.rellu(1)
except AttributeError as error:
    print(error)
model()
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """{name: (exit status, stdout, stderr)} of processes that all run at the same time."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, text in (("probe", PROBE), ("manners", MANNERS), ("failing", FAILING), ("beside", "VALUE = 7\n")):
        (folder / f"{name}.py").write_text(text)
    (folder / "wrong.py").write_text("def f(:\n")
    notebook = '{"cells": [{"cell_type": "code", "source": ["%%matplotlib inline\\n", "import tensorflow as tf"]}, %s]}'
    cell = '{"cell_type": "code", "source": "from __future__ import division\\nprint(1/2)\\ntf.nope"}'
    (folder / "notebook.ipynb").write_text(notebook % cell)
    environment = dict(os.environ, TFCOMPAT_CACHE_DIR=str(folder / "cache"), PYTHONWARNINGS="", JAX_PLATFORMS="cpu")
    environment["PYTHONPATH"] = str(pathlib.Path(__file__).resolve().parent.parent)
    plain, ours = [sys.executable], [sys.executable, "-m", "tfcompat"]
    # The handler is set because a process started in the background may have been told to ignore interrupts.
    interrupt = "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler); os.kill(os.getpid(), 2)"
    commands = {"manners": [*ours, "manners.py"], "failing": [*ours, "failing.py"]}
    commands |= {"notebook": [*ours, "notebook.ipynb"]}
    commands |= {"forced": [*ours, "--api", "v1", "-"]}
    for who, command in (("plain", plain), ("ours", ours)):
        commands[f"{who} code"] = [*command, "probe.py", "sys.exit(3)"]
        commands[f"{who} interrupt"] = [*command, "probe.py", interrupt]
        commands[f"{who} chain"] = [*command, "probe.py", "try:\n  1/0\nexcept Exception as e: raise KeyError from e"]
        commands[f"{who} wrong"] = [*command, "wrong.py"]
    started = {}
    for name, command in commands.items():
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started[name] = subprocess.Popen(command, cwd=folder, env=environment, **pipes)
    answers = {}
    for name, process in started.items():
        out, err = process.communicate("import tensorflow as tf; print(tf.VERSION, tf.nn.__name__)", timeout=120)
        answers[name] = (process.returncode, out, err)
    return answers


@pytest.mark.parametrize("case", ["code", "interrupt", "chain", "wrong"])
def test_script_runs_as_under_plain_python(runs, case):
    status, out, err = runs[f"plain {case}"]
    our_status, our_out, our_err = runs[f"ours {case}"]
    assert (our_status, our_out) == (status, out)
    assert our_err == "tfcompat: TF2 (eager) on cpu\n" + err
    if case == "interrupt":
        assert status == -signal.SIGINT


def test_manners_of_its_time(runs):
    status, out, err = runs["manners"]
    assert (status, err) == (0, "tfcompat: TF2 (eager) on cpu\n")
    assert out.splitlines() == [
        "[9.0, 3, True]",
        "[0.5]",
        "object (2, 2) [1]",
        "[97 98] 3 [False  True] 2",
    ]


def test_traceback_ends_at_the_users_line(runs):
    status, out, err = runs["failing"]
    assert status == 1
    assert out == "TensorFlow has no tf.nn.rellu; did you mean tf.nn.relu?\n"
    lines = err.splitlines()
    assert "runpy" not in err and "launch" not in err and "site-packages" not in err
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[2].endswith('failing.py", line 10, in <module>')
    assert lines[-3].strip("~^ ") == ""
    assert "frames of tfcompat/jax folded; TFCOMPAT_FULL_TRACEBACK=1 shows them)" in lines[-2]
    assert lines[-1].startswith("TypeError: dot_general")


def test_full_traceback_on_request(monkeypatch):
    try:
        import jax

        jax.jit(lambda x: x @ np.zeros(3))(np.zeros(2))
    except TypeError as error:
        folded = folding.format_exception(error, __file__)
        monkeypatch.setenv("TFCOMPAT_FULL_TRACEBACK", "1")
        full = folding.format_exception(error, __file__)
    assert any(" folded; " in line for line in folded)
    assert not any(" folded; " in line for line in full) and len(full) >= len(folded)


def test_notebook_and_standard_input(runs):
    status, out, err = runs["notebook"]
    assert (status, out) == (1, "0.5\n")
    assert "in <module>\n    tf.nope\n" in err and err.endswith("AttributeError: TensorFlow has no tf.nope.\n")
    status, out, err = runs["forced"]
    assert (status, out, err) == (0, "1.15.5 tensorflow.nn\n", "tfcompat: TF1 (graph mode) on cpu\n")


def test_absent_script(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["absent.py"])
    err = capsys.readouterr().err
    assert left.value.code == 2 and "can't open file" in err and err.endswith("No such file or directory\n")


# -- TF1 or TF2 -------------------------------------------------------------------------------------------------------

SCRIPTS = [
    ("v1", "graph mode", "x = tf.placeholder(tf.float32)\nwith tf.Session() as s: s.run(x, {x: 1})"),
    ("v1", "graph mode", "from tensorflow.examples.tutorials.mnist import input_data"),
    ("v1", "graph mode", "import tensorflow.contrib.slim as slim"),
    ("v1", "graph mode", "y = tf.nn.dropout(x, keep_prob=0.5)"),
    ("v1", "graph mode", "x = tf.keras.layers.Dense(3)\nopt = tf.train.AdamOptimizer()"),
    ("v1", "graph mode", "import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()\ntf.Session()"),
    ("v1", "graph mode", "try:\n  import tensorflow.compat.v1 as tf\n  tf.disable_v2_behavior()\nexcept: pass"),
    ("v1", "eager", "tf.enable_eager_execution()\nwith tf.GradientTape() as t: tf.keras.Model().x.numpy()"),
    ("v2", "eager", "with tf.GradientTape() as tape: pass"),
    ("v2", "eager", "tf.keras.Sequential([tf.keras.layers.Dense(1)]).fit()"),
    ("v2", "eager", "@tf.function\ndef f(x): return x"),
    ("v2", "eager", "print(tf.add(1, 2))"),
    ("v2", "eager", "tf.random.set_seed(1)\ntf.compat.v1.logging.set_verbosity('ERROR')"),
    ("v2", "graph mode", "tf.compat.v1.disable_eager_execution()\ns = tf.compat.v1.Session()"),
    ("v2", "eager", "import numpy"),
]


@pytest.mark.parametrize(("api", "mode", "text"), SCRIPTS)
def test_which_tensorflow(api, mode, text):
    if not text.startswith(("import numpy", "import tensorflow.compat", "try:")):
        text = "import tensorflow as tf\n" + text
    choice = decide.choose([names.collect(ast.parse(text))])
    assert (choice.api, choice.mode) == (api, mode)


def test_modules_beside_the_script_count(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "__init__.py").write_text("from .layers import dense\n")
    (tmp_path / "net" / "layers.py").write_text("import tensorflow as tf\nw = tf.get_variable('w', [1])\n")
    usages = names.program(b"from net import dense\nimport json", str(tmp_path))
    assert len(usages) == 3 and decide.choose(usages).api == "v1"


def test_usage_follows_aliases():
    text = (
        "from tensorflow import keras as K\nimport tensorflow as tf\nL = K.layers\nL.Dense(1)\nnn = tf.nn\nnn.relu(x)"
    )
    usage = names.collect(ast.parse(text))
    assert {"keras.layers.Dense", "nn.relu"} <= set(usage.paths)
    os_text = b"import os\nos.environ['CUDA_VISIBLE_DEVICES'] = '-1'"
    assert names.collect(source.parse(os_text)).devices == {"CUDA_VISIBLE_DEVICES": "-1"}


def test_python_2_is_read_though_not_run():
    tree = source.parse(b"import tensorflow as tf\nsess = tf.Session()\nprint sess.run(x)\n")
    assert decide.choose([names.collect(tree)]).api == "v1"


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hook():
    """A function that installs the import hook for "v1" or "v2", without turning graph mode on."""

    def install(api):
        uninstall()
        sys.meta_path.insert(0, alias.Finder(api, missing.names_of(api)))

    yield install
    uninstall()


def run(text):
    space = {}
    exec(text, space)
    return space


def test_every_way_to_import(hook):
    hook("v2")
    space = run(
        "import tensorflow as tf, tensorflow.nn, tensorflow.compat.v1 as tf1\n"
        "from tensorflow import nn\nimport tensorflow.nn as again\n"
        "from tensorflow.python.framework import ops\nfrom tensorflow.python.ops import math_ops, array_ops, nn_ops\n"
        "from tensorflow.python.ops.math_ops import reduce_sum\n"
        "from tensorflow.examples.tutorials.mnist import input_data\n"
    )
    tf = space["tf"]
    assert space["nn"] is space["again"] is tf.nn and tf.nn.relu is tfcompat.nn.relu is space["nn_ops"].relu
    assert space["reduce_sum"] is tfcompat.reduce_sum is space["math_ops"].reduce_sum
    assert space["ops"].convert_to_tensor is tfcompat.convert_to_tensor
    assert space["array_ops"].reshape is tfcompat.reshape
    assert space["tf1"].placeholder is tfcompat.compat.v1.placeholder is tf.compat.v1.placeholder
    assert tf.examples.tutorials.mnist.input_data is space["input_data"]
    assert "relu" in dir(tf.nn) and repr(tf.nn) == "<module 'tensorflow.nn' (tfcompat)>"
    tf.nn.relu = None  # a script that replaces a function does not replace ours
    assert tfcompat.nn.relu is not None


def test_star_import(hook):
    hook("v2")
    assert run("from tensorflow import *")["matmul"] is tfcompat.matmul


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("from tensorflow import nonsense", ImportError, "TensorFlow has no tf.nonsense"),
        ("import tensorflow.nnn", ImportError, "did you mean tf.nn?"),
        (
            "import tensorflow as tf; tf.nn.rellu",
            AttributeError,
            "TensorFlow has no tf.nn.rellu; did you mean tf.nn.relu?",
        ),
        ("import tensorflow as tf; tf.placeholder", AttributeError, "It is here as tf.compat.v1.placeholder"),
        ("import tensorflow as tf; tf.contrib.crf", AttributeError, "tf.contrib belonged to TensorFlow 1.x"),
        ("from tensorflow.python.ops import nonsense_ops", ImportError, "private modules"),
        ("from tensorflow.python.ops import math_ops; math_ops.nonsense", AttributeError, "private name"),
    ],
)
def test_missing_names(hook, text, error, says):
    hook("v2")
    with pytest.raises(error) as caught:
        run(text)
    assert says in str(caught.value)


def test_a_slip_and_a_gap_are_different_sentences(monkeypatch):
    face = types.SimpleNamespace(nn=types.SimpleNamespace(relu=1), matmul=1)
    monkeypatch.setattr(missing, "names_of", lambda api: face)
    missing._explain.cache_clear()
    assert missing.explain("nn.relu6", "v2") == "tf.nn.relu6 is part of TensorFlow; tfcompat does not have it yet."
    assert missing.explain("nn.relo", "v2") == "TensorFlow has no tf.nn.relo; did you mean tf.nn.relu?"
    assert missing.explain("nn.matmul", "v2") == "TensorFlow has no tf.nn.matmul.\n  closest: tf.matmul"
    assert missing.explain("contrib.crf", "v1").startswith(
        "tf.contrib.crf belonged to TensorFlow 1.x; tfcompat does not"
    )
    assert missing.explain("optimizers.Adam", "v1").startswith("tf.optimizers.Adam came with TensorFlow 2")
    with missing.quietly():
        assert missing.explain("nn.relo", "v2") == ""
    missing._explain.cache_clear()


def test_private_names_prefer_the_version_they_name():
    def look(tag):
        def find(path):
            if path in ("nn.softmax", "initializers.random_normal"):
                return f"{tag}:{path}"
            raise AttributeError(path)

        return find

    looks = (look("v1"), look("v2"))
    nn_ops = private.Module("python.ops.nn_ops", looks, looks[1])
    assert (nn_ops.softmax, nn_ops.softmax_v2, nn_ops._softmax) == ("v1:nn.softmax", "v2:nn.softmax", "v1:nn.softmax")
    assert private.Module("python.ops.init_ops", looks, looks[1]).RandomNormal == "v1:initializers.random_normal"


def test_check_lists_what_is_missing(tmp_path, capsys):
    script = tmp_path / "script.py"
    script.write_text("import tensorflow as tf\ntf.matmul(a, b)\ntf.nn.rellu(1)\nprint(tf.__version__)\n")
    assert check.main([str(tmp_path)], "v2") == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{script}:3: TensorFlow has no tf.nn.rellu; did you mean tf.nn.relu?"
    assert out[1].startswith("1 files, ") and len(out) == 2
    script.write_text("import tensorflow as tf\ntf.matmul(a, b)\n")
    assert check.main([str(script)], "v2") == 0


# -- old libraries ----------------------------------------------------------------------------------------------------


def test_versions_compare():
    version = libraries._version()["LooseVersion"]
    assert version("1.15.5") >= version("1.3") and version("1.2") < "1.10" and version("2.0.0-rc1") > version("1.15")


def test_a_library_is_mended_as_it_is_imported(tmp_path, monkeypatch):
    (tmp_path / "oldlib.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(libraries._FIXES, "oldlib", lambda module: setattr(module, "dropped", 2))
    monkeypatch.setitem(libraries._GONE, "oldlib_gone", lambda: {"back": 3})
    monkeypatch.setattr(sys, "meta_path", [libraries._Watcher(), *sys.meta_path, libraries._Returned()])
    import oldlib
    import oldlib_gone

    assert (oldlib.VALUE, oldlib.dropped, oldlib_gone.back) == (1, 2, 3)
    assert type(oldlib.__loader__).__name__ == "SourceFileLoader"
    del sys.modules["oldlib"], sys.modules["oldlib_gone"]


def test_pictures_of_scipy_misc(tmp_path):
    pytest.importorskip("PIL")
    from tfcompat.launch import pictures

    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    pictures.imsave(tmp_path / "p.png", picture)
    np.testing.assert_array_equal(pictures.imread(tmp_path / "p.png"), picture)
    assert pictures.imresize(picture, (8, 2)).shape == (8, 2, 3)
    np.testing.assert_array_equal(pictures.bytescale(np.array([0.0, 0.5, 1.0])), [0, 128, 255])


# -- the compile cache ------------------------------------------------------------------------------------------------


def test_cache_forgets_what_was_used_longest_ago(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT_BYTES", 25)
    for age, name in enumerate(["new", "middle", "old"]):
        (tmp_path / name).write_bytes(b"x" * 10)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    cache._prune(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["middle", "new", "pruned"]
    monkeypatch.setattr(cache, "LIMIT_BYTES", 0)
    cache._prune(str(tmp_path))  # not again on the same day
    assert len(os.listdir(tmp_path)) == 3


def test_cache_has_switches(monkeypatch, tmp_path):
    monkeypatch.setenv("TFCOMPAT_CACHE", "0")
    assert cache.enable() is False
    monkeypatch.setenv("TFCOMPAT_CACHE_DIR", str(tmp_path))
    assert os.path.dirname(cache.folder()) == str(tmp_path)
    monkeypatch.delenv("TFCOMPAT_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder().startswith(str(tmp_path))


# -- tensorflow.examples.tutorials.mnist ------------------------------------------------------------------------------


def write_digits(folder, train=20, test=6):
    """The four files, with the number of the digit as every one of its pixels."""
    folder.mkdir(exist_ok=True)
    for prefix, count in (("train", train), ("t10k", test)):
        sizes = [count.to_bytes(4, "big"), (28).to_bytes(4, "big"), (28).to_bytes(4, "big")]
        numbers = np.arange(count, dtype=np.uint8)
        images = (2051).to_bytes(4, "big") + b"".join(sizes) + np.repeat(numbers, 784).tobytes()
        labels = (2049).to_bytes(4, "big") + sizes[0] + (numbers % 10).tobytes()
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    return str(folder)


def test_digits_are_read_and_split(tmp_path, capsys):
    data = input_data.read_data_sets(write_digits(tmp_path / "d"), one_hot=True, validation_size=5, seed=1)
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"Extracting {tmp_path / 'd' / name}" for name in input_data._FILES]
    assert (data.train.num_examples, data.validation.num_examples, data.test.num_examples) == (15, 5, 6)
    assert data.train.images.shape == (15, 784) and data.train.images.dtype == np.float32
    np.testing.assert_array_equal(data.train.images[:, 0], np.arange(5, 20, dtype=np.float32) * (1.0 / 255.0))
    np.testing.assert_array_equal(data.train.labels.argmax(1), np.arange(5, 20) % 10)
    assert data.train.labels.dtype == np.float64
    with pytest.raises(ValueError, match=r"Validation size should be between 0 and 20. Received: 21."):
        input_data.read_data_sets(str(tmp_path / "d"), validation_size=21)
    with pytest.raises(TypeError, match="expected uint8 or float32"):
        input_data.read_data_sets(str(tmp_path / "d"), validation_size=0, dtype="int32")


def test_batches_are_shuffled_by_the_seed(tmp_path):
    options = {"dtype": "uint8", "reshape": False, "validation_size": 0, "seed": 3}
    train = input_data.read_data_sets(write_digits(tmp_path / "d"), **options).train
    order = np.random.RandomState(3)
    first, second = order.permutation(20), np.arange(20)
    order.shuffle(second)
    second = first[second]  # the second epoch shuffles what the first has shuffled
    batches = [train.next_batch(8) for _ in range(3)]
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in batches])
    np.testing.assert_array_equal(seen, np.concatenate([first, second[:4]]))
    np.testing.assert_array_equal(seen % 10, np.concatenate([labels for _, labels in batches]))
    assert train.epochs_completed == 1
    unshuffled = input_data.read_data_sets(str(tmp_path / "d"), **options).train
    np.testing.assert_array_equal(unshuffled.next_batch(4, shuffle=False)[0][:, 0, 0, 0], np.arange(4))


def test_digits_from_elsewhere(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TFCOMPAT_DATA", str(tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    write_digits(tmp_path / "shared" / "mnist")
    assert input_data.read_data_sets("nowhere", validation_size=0).train.num_examples == 20
    monkeypatch.delenv("TFCOMPAT_DATA")
    (tmp_path / ".keras" / "datasets").mkdir(parents=True)
    x, y = np.zeros((4, 28, 28), np.uint8), np.arange(4, dtype=np.uint8)
    np.savez(tmp_path / ".keras" / "datasets" / "mnist.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    data = input_data.read_data_sets("nowhere", one_hot=True, validation_size=1)
    assert data.train.labels.shape == (3, 10) and data.test.images.shape == (2, 784)


def test_digits_are_downloaded_or_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TFCOMPAT_DATA", raising=False)
    source_folder = pathlib.Path(write_digits(tmp_path / "server"))
    monkeypatch.setattr(input_data, "SOURCE_URL", source_folder.as_uri() + "/")
    folder = str(tmp_path / "MNIST_data")
    old_address = "http://yann.lecun.com/exdb/mnist/"
    assert input_data.read_data_sets(folder, validation_size=0, source_url=old_address).test.num_examples == 6
    out = capsys.readouterr().out
    size = (source_folder / input_data.TRAIN_IMAGES).stat().st_size
    assert out.startswith(f"Successfully downloaded {input_data.TRAIN_IMAGES} {size} bytes.\n")
    assert sorted(os.listdir(folder)) == sorted(input_data._FILES)
    monkeypatch.setattr(input_data, "SOURCE_URL", (tmp_path / "gone").as_uri() + "/")
    with pytest.raises(FileNotFoundError, match=r"(?s)Into the folder 'empty.*train-labels-idx1-ubyte.gz"):
        monkeypatch.chdir(tmp_path)
        input_data.read_data_sets("empty", source_url=None)


def test_fake_data():
    train = input_data.read_data_sets("nowhere", fake_data=True, one_hot=True).train
    images, labels = train.next_batch(2, fake_data=True)
    assert len(images) == 2 and images[0] == [1] * 784 and labels[1] == [1] + [0] * 9

"""Flags, logging, files, text and devices."""

import pytest
from tfcompat.compat import v1 as tf

import tfcompat as tf2
from tfcompat._src.platform import flags


def defined():
    values = flags.FlagValues()
    flags.DEFINE_string("name", "x", "a name", flag_values=values)
    flags.DEFINE_integer("steps", 3, "how many", lower_bound=0, flag_values=values)
    flags.DEFINE_float("rate", 0.5, "how fast", flag_values=values)
    flags.DEFINE_boolean("fast", False, "whether", flag_values=values)
    flags.DEFINE_list("parts", ["a"], "which", flag_values=values)
    return values


def test_flags_from_a_command_line():
    values = defined()
    rest = values(["prog", "--steps=7", "-rate", "0.25", "--fast", "other", "--parts=u,v", "--", "--name=kept"])
    assert rest == ["prog", "other", "--name=kept"]
    assert (values.name, values.steps, values.rate, values.fast, values.parts) == ("x", 7, 0.25, True, ["u", "v"])
    values(["prog", "--nofast"])
    assert values.fast is False
    values.steps = 9
    assert values.flag_values_dict()["steps"] == 9


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ("--unknown=1", flags.UnrecognizedFlagError),
        ("--steps=x", flags.IllegalFlagValueError),
        ("--steps=-1", flags.IllegalFlagValueError),
    ],
)
def test_wrong_flags(argument, error):
    with pytest.raises(error):
        defined()(["prog", argument])


def test_run_exits_with_what_main_returns():
    with pytest.raises(SystemExit) as stopped:
        tf.app.run(main=lambda argv: len(argv), argv=["prog", "a"])
    assert stopped.value.code == 2


def test_logging_goes_to_standard_error(capsys):
    before = tf.logging.get_verbosity()
    tf.logging.set_verbosity(tf.logging.INFO)
    tf.logging.info("step %d", 3)
    tf.logging.debug("not shown")
    tf.logging.set_verbosity(before)
    assert tf.logging.INFO == 20 and "not shown" not in capsys.readouterr().err


def test_files(tmp_path):
    path = str(tmp_path / "a" / "b.txt")
    tf.gfile.MakeDirs(str(tmp_path / "a"))
    with tf.gfile.GFile(path, "w") as file:
        file.write("one\ntwo\n")
    assert tf2.io.gfile.exists(path) and tf.gfile.ListDirectory(str(tmp_path / "a")) == ["b.txt"]
    assert list(tf2.io.gfile.GFile(path)) == ["one\n", "two\n"]
    assert tf.gfile.FastGFile(path, "rb").read() == b"one\ntwo\n"
    with pytest.raises(tf.errors.AlreadyExistsError):
        tf2.io.gfile.copy(path, path)
    tf.gfile.DeleteRecursively(str(tmp_path / "a"))
    with pytest.raises(tf.errors.NotFoundError):
        tf.gfile.GFile(path).read()


def test_text_and_devices():
    assert (
        tf2.compat.as_bytes("é") == b"\xc3\xa9" and tf2.compat.as_str(b"a") == "a" and tf2.compat.as_str_any(3) == "3"
    )
    with pytest.raises(TypeError):
        tf2.compat.as_text(3)
    cpus = tf2.config.list_physical_devices("CPU")
    assert repr(cpus) == "[PhysicalDevice(name='/physical_device:CPU:0', device_type='CPU')]"
    with pytest.raises(ValueError, match="memory growth"):
        tf2.config.experimental.set_memory_growth(cpus[0], True)
    assert tf.test.is_gpu_available() == bool(tf2.config.list_physical_devices("GPU"))

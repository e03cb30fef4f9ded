"""The public surface: the coverage page is what the code declares, and every declared name is reachable."""

import pathlib
import subprocess
import sys

import pytest

import tfcompat as tf
from tfcompat._src.declare import NAMES

ROOT = pathlib.Path(__file__).parents[1]


def test_the_coverage_page_is_up_to_date():
    run = subprocess.run([sys.executable, str(ROOT / "docs" / "make_coverage.py"), "--check"])
    assert run.returncode == 0, "run: python docs/make_coverage.py"


@pytest.mark.parametrize("face", ["v1", "v2"])
def test_every_declared_name_is_there(face):
    module = tf if face == "v2" else tf.compat.v1
    for name, thing in NAMES[face].items():
        found = module
        for part in name.split("."):
            found = getattr(found, part)
        assert found is thing, name


def test_a_missing_name_says_whether_tensorflow_has_it():
    with pytest.raises(AttributeError, match="did you mean tf.nn.relu"):
        tf.nn.reluu  # noqa: B018
    with pytest.raises(AttributeError, match="tfcompat does not have it yet"):
        tf.lite  # noqa: B018

"""Every example with an .expected file beside it runs under the launcher and prints that text; the digit scripts learn.

The texts come from TensorFlow 2.21 (its compat.v1 for the TF1 scripts), except where it has changed its mind: integer
gradients, which it refuses today, are worked out by hand, and two error messages are those of TensorFlow 1 and 2.0.
"""

import csv
import pathlib
import re
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
NUMBER = re.compile(r"(-?\d+\.\d*(?:e[-+]?\d+)?)")


def run(script, *arguments):
    command = [sys.executable, "-m", "tfcompat", str(EXAMPLES / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def parts(text):
    """The text between the decimal numbers, without trailing blanks, and the numbers."""
    pieces = NUMBER.split("\n".join(line.rstrip() for line in text.strip().splitlines()))
    return pieces[::2], [float(number) for number in pieces[1::2]]


@pytest.mark.parametrize("expected", sorted(EXAMPLES.glob("*.expected")), ids=lambda path: path.stem)
def test_prints_what_tensorflow_printed(expected):
    result = run(expected.with_suffix(".py").name)
    assert result.returncode == 0, result.stderr
    words, numbers = parts(result.stdout)
    expected_words, expected_numbers = parts(expected.read_text())
    assert words == expected_words
    assert numbers == pytest.approx(expected_numbers, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("script", ["digits_session.py", "digits_tape.py"])
def test_digits_are_learnt(script, tmp_path):
    table = tmp_path / "losses.csv"
    result = run(script, "--losses", str(table))
    assert result.returncode == 0, result.stdout + result.stderr
    assert float(re.search(r"reached (\S+) %", result.stdout)[1]) >= 90
    with open(table, newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[0] == pytest.approx(2.3, abs=0.3)  # ln 10: at first every digit is as likely as any other
    assert sum(losses[-20:]) / 20 < 0.2


def test_too_low_an_accuracy_is_a_failure():
    result = run("digits_tape.py", "--epochs", "1", "--batch", "3500")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "goal 90 %" in result.stdout

"""Writes gradients.json with a real TensorFlow: `python tests/goldens/make_gradients.py` where TensorFlow is installed."""

import json
import pathlib

import tensorflow as tf
from gradient_cases import CASES, gradient

cases = {name: gradient(tf, name) for name in CASES}
out = {"tensorflow": tf.__version__, "cases": cases}
pathlib.Path(__file__).with_name("gradients.json").write_text(json.dumps(out, indent=1) + "\n")

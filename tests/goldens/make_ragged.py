"""Writes ragged.json: what real TensorFlow answers to the expressions of ragged_cases.py.  Run with a Python that has TensorFlow."""

import json
import os

import ragged_cases
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
answers = {e: ragged_cases.answer(tf, e) for e in ragged_cases.EXPRESSIONS}
with open(os.path.join(HERE, "ragged.json"), "w") as f:
    json.dump({"tensorflow": tf.__version__, "answers": answers}, f, indent=1)

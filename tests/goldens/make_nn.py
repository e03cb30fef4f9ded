"""Records nn.json.gz with real TensorFlow (2.21):  python make_nn.py"""

import base64
import gzip
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import nn_cases as table
import numpy as np
import tensorflow as tf


def packed(array):
    array = np.asarray(array)
    return [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]


recorded = {"tensorflow": tf.__version__, "cases": {}}
for name, inputs, function, grads in table.CASES:
    values, gradients = table.run(tf, inputs, function, grads)
    recorded["cases"][name] = {"values": [packed(v) for v in values], "gradients": [packed(g) for g in gradients]}
where = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nn.json.gz")
with open(where, "wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as f:
    f.write(json.dumps(recorded).encode())
print(len(recorded["cases"]), "cases,", os.path.getsize(where), "bytes")

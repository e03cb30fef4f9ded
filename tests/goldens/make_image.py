"""Records image.json.gz with real TensorFlow (2.21):  python make_image.py"""

import base64
import gzip
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import image_cases as table
import numpy as np
import tensorflow as tf


def packed(array):
    array = np.asarray(array)
    return [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]


recorded = {"tensorflow": tf.__version__, "cases": {}, "seeded": [packed(v) for v in table.seeded(tf)]}
for name, inputs, function, grads in table.CASES:
    values = table.flat(function(tf, *[tf.constant(x) for x in inputs]))
    slopes = table.gradients(tf, inputs, function, grads) if grads else []
    recorded["cases"][name] = {"values": [packed(v) for v in values], "gradients": [packed(g) for g in slopes]}
where = os.path.join(os.path.dirname(os.path.abspath(__file__)), "image.json.gz")
with open(where, "wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as f:
    f.write(json.dumps(recorded).encode())
print(len(recorded["cases"]), "cases,", os.path.getsize(where), "bytes")

"""Records random_golden_more.json with real TensorFlow (2.21, x86-64 Linux, CPU):  python make_random.py"""

import hashlib
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

ABOUT = (
    "More values produced by TensorFlow 2.21 (x86-64 Linux CPU) in the form of random_golden.json: other types, "
    'scaled numbers, rejection over many samples.  Logits {"sin": [b, c]}: 3 sin(arange(b c)) in float64, as [b, c].'
)
X = [[1.1, 2.0, 3.3, 4.0], [5.0, 6.0, 7.7, 8.0], [9.0, 10.0, 11.9, 12.0]]
UNIFORM, NORMAL, TRUNCATED = "random.uniform", "random.normal", "random.truncated_normal"
CATEGORICAL, GAMMA, POISSON, SHUFFLE = "random.categorical", "random.gamma", "random.poisson", "random.shuffle"


def eager(id, *calls):
    calls = [{"fn": fn, "kwargs": kw if "seed" in kw else kw | {"seed": 34}} for fn, kw in calls]
    return {"id": id, "mode": "eager", "global_seed": 12, "calls": calls}


def cases():
    between, scaled, wide = dict(minval=-1.37, maxval=2.71), dict(mean=0.3, stddev=0.7), dict(mean=-1.0, stddev=3.0)
    for dtype in ("float16", "bfloat16", "float64"):
        many, matrix = dict(shape=[1003], dtype=dtype), dict(shape=[31, 7], dtype=dtype)
        yield eager(f"uniform_{dtype}_range", (UNIFORM, many | between))
        yield eager(f"normal_{dtype}_scaled", (NORMAL, many | scaled))
        yield eager(f"truncnormal_{dtype}_scaled", (TRUNCATED, many | scaled), (TRUNCATED, matrix | wide))
    shapes = [1003], [3, 5, 5, 8]
    yield eager("truncnormal_f32_scaled", *[(TRUNCATED, dict(shape=s) | scaled) for s in shapes])
    yield eager(
        "uniform_f32_row_range", (UNIFORM, dict(shape=[50, 3], minval=[-1.1, 2.3, 0.7], maxval=[0.2, 5.9, 0.9]))
    )
    span = dict(minval=-(2**62), maxval=2**62 + 12345, dtype="int64")
    yield eager("uniform_i64_negative", (UNIFORM, dict(shape=[1001]) | span))
    yield eager(
        "categorical_100_classes",
        (CATEGORICAL, dict(logits={"sin": [5, 100]}, num_samples=40)),
        (CATEGORICAL, dict(logits={"sin": [2, 65]}, num_samples=7)),
    )
    odd = [["-inf", "-inf", "-inf"], ["nan", "1.", "2."], ["inf", "1.", "0."]]
    yield eager("categorical_not_finite", (CATEGORICAL, dict(logits=odd, num_samples=30)))
    small = dict(logits={"sin": [7, 9]}, num_samples=50)
    yield eager("categorical_f64", (CATEGORICAL, small | dict(logits_dtype="float64", dtype="int32")))
    yield eager("categorical_f16", (CATEGORICAL, small | dict(logits_dtype="float16")))
    yield eager("gamma_f32_many", (GAMMA, dict(shape=[2000], alpha=[0.01, 0.1, 0.5, 0.9, 1.0, 1.5, 10.0, 1000.0])))
    yield eager(
        "gamma_f64_many", (GAMMA, dict(shape=[2000], alpha=[0.1, 0.5, 0.9, 1.5, 10.0, 1000.0], dtype="float64"))
    )
    yield eager("gamma_f16_many", (GAMMA, dict(shape=[200], alpha=[0.1, 0.5, 1.0, 10.0], dtype="float16")))
    yield eager("gamma_f32_edges", (GAMMA, dict(shape=[3], alpha=[0.0, 1e20, 1e-20])))
    yield eager("gamma_f32_beta", (GAMMA, dict(shape=[300], alpha=[0.5, 2.0], beta=[[3.0, 7.0], [0.1, 0.3]])))
    rates = [0.0, 0.1, 1.0, 5.0, 9.99, 10.0, 11.0, 50.0, 1000.0, 1e6]
    yield eager("poisson_f32_many", (POISSON, dict(shape=[1000], lam=rates)))
    few = [0.1, 5.0, 9.99, 10.0, 50.0]
    yield eager("poisson_i32_many", (POISSON, dict(shape=[1000], lam=few, dtype="int32", lam_dtype="float64")))
    yield eager("poisson_f16", (POISSON, dict(shape=[100], lam=few, dtype="float16")))
    yield eager("shuffle_2000", *[(SHUFFLE, dict(range=n)) for n in (2000, 2, 1, 5)])
    yield eager("dropout_rate_tensor", ("nn.dropout", dict(x=X, rate_tensor=0.3)))
    yield eager("dropout_f16", ("nn.dropout", dict(x=X, x_dtype="float16", rate=0.3)))
    yield eager("dropout_bf16", ("nn.dropout", dict(x=X, x_dtype="bfloat16", rate=0.3)))
    whole = dict(shape=[9], seed=[3, -4], minval=None, maxval=None)
    yield eager(
        "stateless_full_ints",
        *[("random.stateless_uniform", whole | dict(dtype=dtype)) for dtype in ("int64", "uint32", "uint64")],
    )
    large = dict(seed=[2**40 + 1, -7])
    yield eager(
        "stateless_int64_seed",
        ("random.stateless_uniform", dict(shape=[9]) | large),
        ("random.stateless_truncated_normal", dict(shape=[1003]) | large | scaled),
        ("random.stateless_normal", dict(shape=[31], dtype="bfloat16") | large | scaled),
    )
    yield eager(
        "stateless_gamma_many", ("random.stateless_gamma", dict(shape=[200, 3], seed=[3, -4], alpha=[0.5, 1.0, 2.5]))
    )


def result(fn, given):
    kw = {k: v for k, v in given.items() if not k.endswith("_dtype")}
    if "range" in kw:
        kw["value"] = tf.range(kw.pop("range"))
    if "logits" in kw:
        logits = kw["logits"]
        if isinstance(logits, dict):
            logits = np.sin(np.arange(np.prod(logits["sin"]), dtype=np.float64)).reshape(logits["sin"]) * 3
        kw["logits"] = tf.constant(np.array(logits, np.float64), given.get("logits_dtype", "float32"))
    if "x" in kw:
        kw["x"] = tf.constant(kw["x"], given.get("x_dtype", "float32"))
    if "rate_tensor" in kw:
        kw["rate"] = tf.constant(kw.pop("rate_tensor"), kw["x"].dtype)
    if "alpha" in kw:
        kw["alpha"] = tf.constant(kw["alpha"], kw.get("dtype", "float32"))
    if "lam" in kw:
        kw["lam"] = tf.constant(kw["lam"], given.get("lam_dtype", "float32"))
    if np.ndim(kw["seed"]):
        kw["seed"] = tf.constant(kw["seed"], tf.int64)
    function = tf
    for part in fn.split("."):
        function = getattr(function, part)
    return function(**kw)


def packed(tensor):
    array = tensor.numpy()
    flat = array.ravel().astype(array.dtype if array.dtype.kind in "iu" else np.float64).tolist()
    shown = {"values": flat} if len(flat) <= 24 else {"first8": flat[:8], "last8": flat[-8:]}
    digest = hashlib.sha256(array.tobytes()).hexdigest()
    return {"dtype": tensor.dtype.name, "shape": list(array.shape), "sha256": digest} | shown


recorded = []
for case in cases():
    tf.random.set_seed(case["global_seed"])
    for call in case["calls"]:
        call["expected"] = packed(result(call["fn"], call["kwargs"]))
    recorded.append(case)
for seed in (-3, [1, 2, 3], [1, 2, 3, 4, 5]):
    generator = tf.random.Generator.from_seed(seed)
    call = {"method": "normal", "kwargs": {"shape": [5]}, "expected": packed(generator.normal([5]))}
    call["state_after"] = generator.state.numpy().tolist()
    recorded.append({"id": f"generator_from_seed_{seed}", "mode": "generator", "from_seed": seed, "calls": [call]})
where = os.path.join(os.path.dirname(os.path.abspath(__file__)), "random_golden_more.json")
with open(where, "w") as f:
    json.dump({"about": ABOUT, "eager": recorded}, f, indent=1)
print(len(recorded), "cases,", os.path.getsize(where), "bytes")

"""Initializers: formulas, arguments, configurations; the expected numbers and texts are TensorFlow 2.21's."""

import numpy as np
import pytest

import tfcompat as tf
from tfcompat._src import initializers, initializers_v2

v1 = tf.compat.v1

# The first values of initializer([3, 2]): TF1's in a graph of their own, TF2's eagerly.
V1 = {
    "random_uniform_initializer(-1, 1, seed=3)": [-0.2261412, -0.2799475, 0.9537592, -0.8269672],
    "random_normal_initializer(1.0, 2.0, seed=2)": [-0.7162217, 0.6067541, 1.277901, -1.442554],
    "truncated_normal_initializer(stddev=0.1, seed=5)": [-0.1178083, -0.07099414, -0.1748158, -0.04953723],
    "variance_scaling_initializer(seed=1)": [-0.5325161, 0.9744298, 0.04287953, 0.06514259],
    "variance_scaling_initializer(2.0, 'fan_out', 'uniform', seed=1)": [-0.9040009, 1.456307, -1.557071, -0.01474154],
    "variance_scaling_initializer(2.0, 'fan_avg', 'untruncated_normal', 1)": [
        -0.7256651,
        1.327865,
        0.05843237,
        -2.184821,
    ],
    "glorot_uniform_initializer(seed=1)": [-0.5717404, 0.9210494, -0.9847779, -0.009323359],
    "glorot_normal_initializer(seed=1)": [-0.5833421, 1.067434, 0.04697217, 0.07136013],
    "uniform_unit_scaling_initializer(1.5, seed=4)": [1.369745, -0.6995677, 1.493393, 1.037679],
    "orthogonal_initializer(2.0, seed=3)": [1.514216, -0.173157, 0.1595598, 1.992028],
    "initializers.identity(2.0)": [2.0, 0.0, 0.0, 2.0],
    "initializers.he_normal(1)": [-0.7530915, 1.378052, 0.06064081, 0.09212554],
    "initializers.he_uniform(1)": [-0.7381137, 1.189069, -1.271343, -0.01203644],
    "initializers.lecun_normal(1)": [-0.5325161, 0.9744298, 0.04287953, 0.06514259],
    "initializers.lecun_uniform(1)": [-0.5219252, 0.8407991, -0.8989751, -0.008511066],
    "constant_initializer([1, 2, 3])": [1.0, 2.0, 3.0, 3.0],
    "zeros_initializer()": [0.0, 0.0, 0.0, 0.0],
    "ones_initializer()": [1.0, 1.0, 1.0, 1.0],
}
V2 = {
    "random_uniform_initializer(-1, 1, seed=3)": [-0.6081743, 0.8786905, 0.0645504, 0.6820827],
    "random_normal_initializer(seed=3)": [-0.03357924, 0.08380252, -0.04721227, 0.03039695],
    "constant_initializer([1, 2, 3, 4, 5, 6])": [1.0, 2.0, 3.0, 4.0],
    "zeros_initializer()": [0.0, 0.0, 0.0, 0.0],
    "ones_initializer()": [1.0, 1.0, 1.0, 1.0],
    "initializers.TruncatedNormal(seed=3)": [-0.03357924, 0.08380252, -0.04721227, 0.03039695],
    "initializers.VarianceScaling(seed=3)": [-0.4408008, 1.100091, -0.6197641, 0.3990262],
    "initializers.GlorotUniform(seed=3)": [-0.6662216, 0.9625573, 0.07071137, 0.7471842],
    "keras.initializers.glorot_normal(seed=3)": [-0.4828731, 1.205089, -0.6789175, 0.4371113],
    "initializers.HeNormal(seed=3)": [-0.6233864, 1.555763, -0.8764787, 0.5643083],
    "keras.initializers.he_uniform(seed=3)": [-0.8600883, 1.242656, 0.09128809, 0.9646105],
    "initializers.LecunNormal(seed=3)": [-0.4408008, 1.100091, -0.6197641, 0.3990262],
    "initializers.LecunUniform(seed=3)": [-0.6081743, 0.8786905, 0.0645504, 0.6820827],
    "initializers.Orthogonal(seed=3)": [-0.3935483, 0.7484162, -0.5533272, 0.2708942],
    "initializers.Identity(3.0)": [3.0, 0.0, 0.0, 3.0],
}


def close(values, expected):
    # Within the rounding of scale and shift: a number near zero has lost digits.
    np.testing.assert_allclose(values.ravel()[:4], expected, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("text", V1)
def test_values_of_tf1(text):
    with tf.Graph().as_default(), v1.Session() as session:
        values = session.run(eval("v1." + text)([3, 2]))
    assert values.shape == (3, 2) and values.dtype == np.float32
    close(values, V1[text])


@pytest.mark.parametrize("text", V2)
def test_values_of_tf2(text):
    initializer = eval("tf." + text)
    values = initializer([3, 2])
    assert values.shape == (3, 2)
    close(values.numpy(), V2[text])
    np.testing.assert_array_equal(initializer([3, 2]), values)  # a seed means the same numbers at every call


@pytest.mark.parametrize("face, texts", [("v1", V1), ("tf", V2)])
def test_configurations(face, texts):
    for text in texts:
        made = eval(f"{face}.{text}")
        again = type(made).from_config(made.get_config())
        assert again.get_config() == made.get_config() and ("dtype" in made.get_config()) == (face == "v1")


def test_the_seed_of_a_variable_is_the_initializers():
    with tf.Graph().as_default(), v1.Session() as session:
        one = v1.get_variable("one", [3, 2], initializer=v1.glorot_uniform_initializer(seed=1))
        session.run(one.initializer)
        close(session.run(one), V1["glorot_uniform_initializer(seed=1)"])


def test_dtypes():
    with tf.Graph().as_default():
        assert v1.zeros_initializer(tf.int32)([2]).dtype is tf.int32
        assert v1.random_normal_initializer(dtype=tf.float64)([2]).dtype is tf.float64
        assert v1.random_normal_initializer()([2], dtype=tf.float64).dtype is tf.float64
    assert tf.ones_initializer()([2], dtype=tf.bool).dtype is tf.bool
    assert tf.constant_initializer([1, 2])([2]).dtype is tf.int32
    assert tf.keras.initializers.Constant(3)([2]).dtype is tf.float32


@pytest.mark.parametrize(
    "what, error, text",
    [
        (lambda: v1.variance_scaling_initializer(0.0), ValueError, "Argument `scale` must be a positive float. "
                                                                   "Received: 0.0"),
        (lambda: tf.initializers.VarianceScaling(1.0, "foo"), ValueError,
         "Argument `mode` should be one of ('fan_in', 'fan_out', 'fan_avg'). Received: foo"),
        (lambda: tf.initializers.VarianceScaling(1.0, "fan_in", "foo"), ValueError,
         "Argument `distribution` should be one of ('uniform', 'truncated_normal', 'untruncated_normal'). Received: "
         "foo"),
        (lambda: v1.random_normal_initializer(dtype=tf.int32), ValueError,
         "Argument `dtype` is expected to be floating point. Received: <dtype: 'int32'>."),
        (lambda: tf.zeros_initializer()([2], tf.string), ValueError,
         "Argument `dtype` expected to be numeric or boolean. Received <dtype: 'string'>."),
        (lambda: tf.constant_initializer(tf.constant(1.0)), TypeError, "Invalid type for initial value: EagerTensor. "
                                                                       "Expected Python scalar"),
        (lambda: tf.constant_initializer([1, 2, 3])([2]), TypeError, "has 3 elements, but got `shape` (2,) with 2 "
                                                                     "elements)."),
        (lambda: tf.ones_initializer()([2], foo=1), TypeError,
         "Keyword argument should be one of ['partition_shape', 'partition_offset']. Received: foo"),
        (lambda: tf.initializers.Orthogonal()([2]), ValueError, "must be at least two-dimensional. Received shape=[2]"),
    ],
)  # fmt: skip
def test_refusals(what, error, text):
    with pytest.raises(error) as e:
        what()
    assert text in str(e.value)


def test_partitions():
    assert tf.ones_initializer()((4,), partition_shape=(2,)).shape == (2,)
    info = type("Info", (), {"full_shape": [4, 8]})
    with tf.Graph().as_default():
        # The fans are the whole variable's.
        part = v1.glorot_uniform_initializer(seed=1)([2, 8], partition_info=info)
        limit = np.sqrt(6 / 12)
        with v1.Session() as session:
            values = session.run(part)
    assert values.shape == (2, 8) and limit * 0.9 < np.abs(values).max() < limit


def test_fans():
    assert [initializers.fans(s) for s in ((), (5,), (3, 4), (2, 3, 4, 5))] == [(1, 1), (5, 5), (3, 4), (24, 30)]


def test_by_name():
    get = tf.keras.initializers.get
    assert (
        get(None) is None
        and isinstance(get("zeros"), initializers_v2.Zeros)
        and isinstance(get("HeNormal"), initializers_v2.HeNormal)
    )
    made = get({"class_name": "RandomNormal", "config": {"mean": 1.0, "stddev": 2.0, "seed": 3}})
    assert made.get_config() == {"mean": 1.0, "stddev": 2.0, "seed": 3}
    assert get(made) is made and get(tf.keras.initializers.Ones).get_config() == {}
    again = tf.keras.initializers.deserialize(tf.keras.initializers.serialize(made))
    assert type(again) is type(made) and again.get_config() == made.get_config()
    with pytest.raises(ValueError, match="Could not interpret initializer identifier: 'nope'"):
        get("nope")

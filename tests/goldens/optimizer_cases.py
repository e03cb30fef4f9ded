"""What the optimizer goldens run, for real TensorFlow (make_optimizers.py) and for tfcompat
(test_optimizers_trajectories.py).

A case is (name, generation, class, arguments).  Its problem: a matrix, a vector and a table whose gradient is
IndexedSlices with duplicate rows; the gradients are given, so that the trajectory shows nothing but the optimizer.
"""

import numpy as np

STEPS, KEPT = 20, (1, 2, 3, 10, 20)
SCHEDULE = "schedule"  # stands for an exponential decay

V1 = [
    ("GradientDescent", dict(learning_rate=0.1)),
    ("Momentum", dict(learning_rate=0.1, momentum=0.9)),
    ("Momentum", dict(learning_rate=0.1, momentum=0.9, use_nesterov=True)),
    ("Adam", dict(learning_rate=0.1)),
    ("Adam", dict(learning_rate=0.01, beta1=0.8, beta2=0.95, epsilon=0.1)),
    ("Adagrad", dict(learning_rate=0.1)),
    ("Adagrad", dict(learning_rate=0.5, initial_accumulator_value=1.0)),
    ("AdagradDA", dict(learning_rate=0.5)),
    ("AdagradDA", dict(learning_rate=0.5, l1_regularization_strength=0.01, l2_regularization_strength=0.1)),
    ("Adadelta", dict(learning_rate=1.0, rho=0.9, epsilon=1e-4)),
    ("RMSProp", dict(learning_rate=0.05)),
    ("RMSProp", dict(learning_rate=0.05, decay=0.8, momentum=0.5, epsilon=1e-3)),
    ("RMSProp", dict(learning_rate=0.05, momentum=0.5, centered=True)),
    ("Ftrl", dict(learning_rate=0.3)),
    ("Ftrl", dict(learning_rate=0.3, l1_regularization_strength=0.05, l2_regularization_strength=0.1)),
    (
        "Ftrl",
        dict(learning_rate=0.3, l1_regularization_strength=0.05, l2_shrinkage_regularization_strength=0.1, beta=0.2),
    ),
    ("Ftrl", dict(learning_rate=0.3, learning_rate_power=-0.7, initial_accumulator_value=0.5)),
    ("ProximalGradientDescent", dict(learning_rate=0.1)),
    (
        "ProximalGradientDescent",
        dict(learning_rate=0.1, l1_regularization_strength=0.05, l2_regularization_strength=0.1),
    ),
    ("ProximalAdagrad", dict(learning_rate=0.3)),
    ("ProximalAdagrad", dict(learning_rate=0.3, l1_regularization_strength=0.05, l2_regularization_strength=0.1)),
]
KERAS2 = [
    ("SGD", dict(learning_rate=0.1)),
    ("SGD", dict(learning_rate=0.1, decay=0.1)),
    ("SGD", dict(learning_rate=0.1, momentum=0.9)),
    ("SGD", dict(learning_rate=0.1, momentum=0.9, nesterov=True, clipnorm=0.5)),
    ("RMSprop", dict(learning_rate=0.05)),
    ("RMSprop", dict(learning_rate=0.05, centered=True)),
    ("RMSprop", dict(learning_rate=0.05, momentum=0.5)),
    ("RMSprop", dict(learning_rate=0.05, momentum=0.5, centered=True, clipvalue=0.3)),
    ("Adam", dict(learning_rate=0.1)),
    ("Adam", dict(learning_rate=0.1, amsgrad=True, decay=0.05)),
    ("Adam", dict(learning_rate=SCHEDULE, global_clipnorm=1.0)),
    ("Adamax", dict(learning_rate=0.1)),
    ("Nadam", dict(learning_rate=0.1)),
    ("Adagrad", dict(learning_rate=0.1)),
    ("Adadelta", dict(learning_rate=1.0)),
    ("Ftrl", dict(learning_rate=0.3, l1_regularization_strength=0.05, l2_regularization_strength=0.1)),
    ("Ftrl", dict(learning_rate=0.3, l2_shrinkage_regularization_strength=0.1, beta=0.2)),
]
KERAS3 = [
    ("SGD", dict(learning_rate=0.1)),
    ("SGD", dict(learning_rate=0.1, momentum=0.9)),
    ("SGD", dict(learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.1)),
    ("SGD", dict(learning_rate=0.1, gradient_accumulation_steps=3, momentum=0.9)),
    ("RMSprop", dict(learning_rate=0.05)),
    ("RMSprop", dict(learning_rate=0.05, momentum=0.5, centered=True)),
    ("Adam", dict(learning_rate=0.1)),
    ("Adam", dict(learning_rate=0.1, amsgrad=True, clipnorm=0.5)),
    ("Adam", dict(learning_rate=SCHEDULE, global_clipnorm=1.0)),
    ("Adam", dict(learning_rate=0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4)),
    ("AdamW", dict(learning_rate=0.1, weight_decay=0.1)),
    ("Adamax", dict(learning_rate=0.1, clipvalue=0.3)),
    ("Nadam", dict(learning_rate=0.1)),
    ("Adagrad", dict(learning_rate=0.1)),
    ("Adadelta", dict(learning_rate=1.0)),
    ("Ftrl", dict(learning_rate=0.3, l1_regularization_strength=0.05, l2_regularization_strength=0.1, beta=0.2)),
    ("Lion", dict(learning_rate=0.01, weight_decay=0.1)),
    ("Adafactor", dict(learning_rate=0.1)),
    ("Adafactor", dict(learning_rate=0.1, relative_step=False)),
    ("Lamb", dict(learning_rate=0.1)),
]
DENSE_ONLY = {("keras3", "Adafactor"), ("keras3", "Lamb")}


def cases():
    """[(identifier, generation, class, arguments, has a sparse variable)]."""
    out = []
    for generation, table in (("v1", V1), ("keras2", KERAS2), ("keras3", KERAS3)):
        for i, (name, arguments) in enumerate(table):
            sparse = (generation, name) not in DENSE_ONLY and not arguments.get("gradient_accumulation_steps")
            out.append((f"{generation}-{i}-{name}", generation, name, arguments, sparse))
    return out


def dtypes(name):
    """TensorFlow's proximal optimizers forget to cast their scalars for resource variables of float64."""
    return ("float32",) if name.startswith("Proximal") else ("float32", "float64")


def initial(dtype):
    """The starting values of matrix [4, 3], vector [3] and table [6, 2]."""
    random = np.random.RandomState(3)
    return [random.randn(4, 3).astype(dtype), random.randn(3).astype(dtype), random.randn(6, 2).astype(dtype)]


def gradients(dtype):
    """Per step: gradients of matrix and vector, rows and indices (with duplicates) of the table."""
    random = np.random.RandomState(5)
    out = []
    for _ in range(STEPS):
        dense = [(random.randn(4, 3) * 0.7).astype(dtype), (random.randn(3) * 0.7).astype(dtype)]
        out.append((*dense, (random.randn(4, 2) * 0.7).astype(dtype), random.randint(0, 5, 4)))
    return out

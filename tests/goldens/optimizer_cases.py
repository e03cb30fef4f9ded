"""What the optimizer goldens run, for real TensorFlow (make_optimizers.py) and for tfcompat
(test_optimizers_trajectories.py).

A case is (name, generation, class, arguments).  Its problem: a matrix, a vector and a table whose gradient is
IndexedSlices with duplicate rows; the gradients are given, so that the trajectory shows nothing but the optimizer.
"""

import numpy as np

STEPS, KEPT = 20, (1, 2, 3, 10, 20)
DTYPES = ("float32", "float64")
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
    ("Adadelta", dict(learning_rate=0.5)),
    ("RMSProp", dict(learning_rate=0.05, decay=0.7, epsilon=1e-3, centered=True)),
    ("Ftrl", dict(learning_rate=0.3, learning_rate_power=0.0, l2_regularization_strength=0.1)),
    ("AdagradDA", dict(learning_rate=0.5, initial_gradient_squared_accumulator_value=1.0)),
    ("ProximalAdagrad", dict(learning_rate=0.3, initial_accumulator_value=1.0, l1_regularization_strength=0.05)),
    ("ProximalGradientDescent", dict(learning_rate=0.1, l2_regularization_strength=0.1)),
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
    ("SGD", dict(learning_rate=0.1, momentum=0.9, decay=0.1, clipvalue=0.3)),
    ("RMSprop", dict(learning_rate=0.05, rho=0.8, epsilon=1e-3, decay=0.1)),
    ("Adam", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.95, epsilon=0.1, clipvalue=0.3)),
    ("Adam", dict(learning_rate=0.1, amsgrad=True, clipnorm=0.5)),
    ("Adamax", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-3, decay=0.1)),
    ("Nadam", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-3, schedule_decay=0.01, clipnorm=0.5)),
    ("Adagrad", dict(learning_rate=0.1, initial_accumulator_value=0.5, epsilon=1e-3, decay=0.1)),
    ("Adadelta", dict(learning_rate=1.0, rho=0.9, epsilon=1e-4, decay=0.1, global_clipnorm=1.0)),
    ("Ftrl", dict(learning_rate=0.3, learning_rate_power=0.0, initial_accumulator_value=0.5, decay=0.1)),
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
    ("SGD", dict(learning_rate=0.1, momentum=0.9, nesterov=True)),
    ("SGD", dict(learning_rate=0.1, loss_scale_factor=4.0, weight_decay=0.1)),
    ("RMSprop", dict(learning_rate=0.05, rho=0.8, momentum=0.5, epsilon=1e-3, clipnorm=0.5)),
    ("RMSprop", dict(learning_rate=0.05, centered=True, weight_decay=0.1)),
    ("Adam", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.95, epsilon=0.1, clipvalue=0.3, weight_decay=0.1)),
    ("Adam", dict(learning_rate=0.1, use_ema=True, ema_momentum=0.9)),
    ("Adam", dict(learning_rate=0.1, gradient_accumulation_steps=2, clipnorm=0.5)),
    ("AdamW", dict(learning_rate=0.1, weight_decay=0.1, amsgrad=True, global_clipnorm=1.0)),
    ("Adamax", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-3, weight_decay=0.1)),
    ("Nadam", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-3, weight_decay=0.1, clipnorm=0.5)),
    ("Adagrad", dict(learning_rate=0.1, initial_accumulator_value=0.5, epsilon=1e-3, weight_decay=0.1)),
    ("Adadelta", dict(learning_rate=1.0, rho=0.9, epsilon=1e-4, clipnorm=0.5)),
    ("Ftrl", dict(learning_rate=0.3, l2_shrinkage_regularization_strength=0.1, initial_accumulator_value=0.5)),
    ("Ftrl", dict(learning_rate=0.3, learning_rate_power=-0.7, weight_decay=0.1)),
    ("Lion", dict(learning_rate=SCHEDULE, beta_1=0.8, beta_2=0.95, clipnorm=0.5)),
    (
        "Adafactor",
        dict(
            learning_rate=0.1, beta_2_decay=-0.7, epsilon_1=1e-6, epsilon_2=0.01, clip_threshold=0.5, weight_decay=0.1
        ),
    ),
    ("Lamb", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-3, weight_decay=0.1)),
    ("Muon", dict(learning_rate=0.1)),
    (
        "Muon",
        dict(
            learning_rate=0.1,
            nesterov=False,
            ns_steps=3,
            momentum=0.8,
            rms_rate=None,
            weight_decay=0.2,
            adam_beta_1=0.8,
            adam_lr_ratio=0.5,
            adam_weight_decay=0.1,
        ),
    ),
    ("ScheduleFreeAdamW", dict(learning_rate=0.1)),
    ("ScheduleFreeAdamW", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.95, warmup_steps=5, weight_decay=0.1)),
]
DENSE_OPTIONS = {"gradient_accumulation_steps", "loss_scale_factor"}  # Keras fails over IndexedSlices
DENSE_ONLY = {("keras3", name) for name in ("Adafactor", "Lamb", "Muon", "ScheduleFreeAdamW")}


def cases():
    """[(identifier, generation, class, arguments, has a sparse variable)]."""
    out = []
    for generation, table in (("v1", V1), ("keras2", KERAS2), ("keras3", KERAS3)):
        for i, (name, arguments) in enumerate(table):
            sparse = (generation, name) not in DENSE_ONLY and DENSE_OPTIONS.isdisjoint(arguments)
            out.append((f"{generation}-{i}-{name}", generation, name, arguments, sparse))
    return out


def dtypes(name, arguments):
    """Keras 3.15's Muon multiplies a float64 update by a float32 `rms_rate`, which fails."""
    return DTYPES[:1] if name == "Muon" and "rms_rate" not in arguments else DTYPES


def arguments_for(name, arguments, dtype):
    """TensorFlow's proximal optimizers do not cast their scalars: they have to come in the variables' dtype."""
    if name.startswith("Proximal"):
        arguments = {"l1_regularization_strength": 0.0, "l2_regularization_strength": 0.0, **arguments}
        return {k: np.asarray(v, dtype) for k, v in arguments.items()}
    return dict(arguments)


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

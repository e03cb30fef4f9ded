"""tf.contrib.slim: the layers and helpers of contrib.layers and contrib.framework under slim's names."""

from __future__ import annotations

from ..declare import NAMES, publish
from ..losses import functions, weighted
from . import (  # noqa: F401 - slim has their names
    arg_scope,
    framework,
    layers,
    optimize_loss,
    regularizers,
)

_FROM = {
    "layers": "avg_pool2d batch_norm bias_add conv1d conv2d conv2d_in_plane conv2d_transpose conv3d convolution convolution1d convolution2d "
              "convolution2d_transpose convolution3d dropout flatten fully_connected linear max_pool2d one_hot_encoding relu repeat "
              "separable_conv2d separable_convolution2d softmax stack l1_regularizer l2_regularizer l1_l2_regularizer xavier_initializer "
              "variance_scaling_initializer",
    "framework": "add_arg_scope arg_scope assign_from_checkpoint assign_from_checkpoint_fn assign_from_values create_global_step "
                 "get_global_step get_or_create_global_step get_local_variables get_model_variables get_trainable_variables "
                 "get_unique_variable get_variables get_variables_by_name get_variables_to_restore model_variable variable",
}  # fmt: skip

for _room, _names in _FROM.items():
    for _name in _names.split():
        _found = NAMES["v1"].get(f"contrib.{_room}.{_name}")
        if _found is not None:
            publish(_found, "", v1=f"contrib.slim.{_name}")
for _short, _long in {"initializers": "initializer", "regularizers": "regularizer"}.items():
    for _name in _FROM["layers"].split():
        if _name.endswith(_long) and f"contrib.layers.{_name}" in NAMES["v1"]:
            publish(NAMES["v1"][f"contrib.layers.{_name}"], "", v1=f"contrib.slim.{_short}.{_name}")
for _module in (functions, weighted):
    for _name in list(NAMES["v1"]):
        _thing = NAMES["v1"][_name]
        if _name.startswith("losses.") and getattr(_thing, "__module__", None) == _module.__name__:
            publish(_thing, "", v1=f"contrib.slim.{_name}")

"""Blocks of images: space_to_batch, space_to_depth and back, patches."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .. import dtypes, errors, record
from ..declare import OPS, export, op
from ..graph import aval, context
from .array import bad, one_of, shapes_text


# -- batch ------------------------------------------------------------------------------------------------------------
@op("SpaceToBatchND", names="", static="block_shape paddings", own="input")
def space_to_batch_nd(input, block_shape, paddings):
    """input [B, s0, .., ...] padded -> [B * prod(block), s0 / b0, .., ...]: the places inside a block become batch
    entries.
    """
    blocks = block_shape.reshape(-1).tolist()
    m = len(blocks)
    _check_blocks("SpaceToBatchND", input, blocks, paddings)
    rest = [(0, 0, 0)] * (input.ndim - m - 1)
    padding = [(0, 0, 0), *[(int(a), int(b), 0) for a, b in paddings], *rest]
    x = lax.pad(input, np.zeros((), input.dtype), padding)
    shape = [x.shape[0]]
    for i, b in enumerate(blocks):
        size = x.shape[i + 1]
        if size % b:
            raise bad("SpaceToBatchND", f"padded_shape[{i}]={size} is not divisible by block_shape[{i}]={b}")
        shape += [size // b, b]
    x = x.reshape(shape + list(x.shape[m + 1 :]))
    order = [2 * i + 2 for i in range(m)] + [0] + [2 * i + 1 for i in range(m)] + list(range(2 * m + 1, x.ndim))
    x = x.transpose(order)
    return x.reshape([int(np.prod(blocks)) * input.shape[0], *x.shape[m + 1 :]])


def _check_blocks(type, input, blocks, paddings):
    if input.ndim < len(blocks) + 1:
        raise bad(type, f"input rank should be >= {len(blocks) + 1} instead of {input.ndim}")
    if paddings.shape != (len(blocks), 2):
        raise bad(type, f"paddings should have shape [{len(blocks)}, 2] instead of {shapes_text(paddings.shape)}")
    for i, b in enumerate(blocks):
        if b < 1:
            raise bad(type, f"All values in block_shape must be positive, got value, {b} at index {i}.")
    if (paddings < 0).any():
        raise bad(type, "paddings and crops must be non-negative")


@op("BatchToSpaceND", names="", static="block_shape crops", own="input")
def batch_to_space_nd(input, block_shape, crops):
    """input [B * prod(block), s0, .., ...] -> [B, s0 * b0 - crops, .., ...]: the inverse of space_to_batch_nd."""
    blocks = block_shape.reshape(-1).tolist()
    m, n = len(blocks), int(np.prod(blocks))
    _check_blocks("BatchToSpaceND", input, blocks, crops)
    if input.shape[0] % n:
        raise bad(
            "BatchToSpaceND",
            f"Input batch dimension ({input.shape[0]}) is not divisible by product of block sizes ({n})",
        )
    batch = input.shape[0] // n
    x = input.reshape([*blocks, batch, *input.shape[1:]])
    order = [m]
    for i in range(m):
        order += [m + 1 + i, i]
    x = x.transpose(order + list(range(2 * m + 1, x.ndim)))
    x = x.reshape([batch, *[s * b for s, b in zip(input.shape[1 : m + 1], blocks)], *input.shape[m + 1 :]])
    for i, (low, high) in enumerate(crops.tolist()):
        if low + high > x.shape[i + 1]:
            raise bad("BatchToSpaceND", f"cropped_shape[{i}]={x.shape[i + 1] - low - high} must be non-negative")
        x = lax.slice_in_dim(x, low, x.shape[i + 1] - high, axis=i + 1)
    return x


def _blocks(block_shape, m=2):
    known = record.setting(block_shape)
    return np.array([known] * m if isinstance(known, int) else known, np.int32)


def _blocks_op(type, input, block_shape, pads, name, images=False):
    """Records the op; in a graph with a static shape where sizes, blocks or borders are known in a run only."""
    graph = context.graph
    if graph is None:
        return record.call(OPS[type], [input, block_shape, pads], None, name)
    input = record.convert_to_tensor(input)
    tensors = [record.convert_to_tensor(v, dtypes.int32 if record._dtype_of(v) is None and not np.size(v) else None)
               for v in (block_shape, pads)]  # fmt: skip
    shape = input._shape_tuple()
    if shape is not None and all(record.static_value(t) is not None for t in tensors):
        return record.call(OPS[type], [input, *tensors], None, name)
    blocks = tensors[0]._shape_tuple()
    m = blocks[0] if blocks else None
    if shape is not None and m is not None and len(shape) < m + 1:
        raise ValueError(f"Shape must be at least rank {m + 1} but is rank {len(shape)} for {type!r}")
    known = None if shape is None else (None,) * len(shape) if m is None else (None,) * (m + 1) + shape[m + 1 :]
    sizes = record.static_value(tensors[0])
    if known and sizes is not None and shape[0] is not None and sizes.min(initial=1) > 0:
        n = int(np.prod(sizes))
        known = ((shape[0] * n if type == "SpaceToBatchND" else shape[0] // n), *known[1:])
    if known is None and images:
        known = (None,) * 4
    full, avals = graph.op_name(name, type), (aval(input.dtype.base_dtype, known),)
    return record.add_op(graph, OPS[type].sig, [input, *tensors], full, avals=avals, single=True)


@export("space_to_batch_nd", v1="space_to_batch_nd manip.space_to_batch_nd")
def space_to_batch_nd_public(input, block_shape, paddings, name=None):
    """input [B, s0, .., ...] padded -> [B * prod(block), s0 / b0, .., ...]: the places inside a block become batch
    entries.
    """
    return _blocks_op("SpaceToBatchND", input, block_shape, paddings, name)


@export("", v1="batch_to_space_nd manip.batch_to_space_nd")
def batch_to_space_nd_public(input, block_shape, crops, name=None):
    """input [B * prod(block), s0, .., ...] -> [B, s0 * b0 - crops, .., ...]: the inverse of space_to_batch_nd."""
    return _blocks_op("BatchToSpaceND", input, block_shape, crops, name)


@export("space_to_batch nn.space_to_batch", v1="")
def space_to_batch(input, block_shape, paddings, name=None):
    """input [B, s0, .., ...] padded -> [B * prod(block), s0 / b0, .., ...]: the places inside a block become batch
    entries.
    """
    return _blocks_op("SpaceToBatchND", input, block_shape, paddings, name)


@export("", v1="space_to_batch nn.space_to_batch")
def space_to_batch_v1(input, paddings, block_size=None, name=None, block_shape=None):
    """TF1's tf.space_to_batch: images [B, H, W, C], one block size for height and width."""
    block = one_of("block_shape", block_shape, "block_size", block_size)
    return _blocks_op("SpaceToBatchND", input, _blocks(block), paddings, name, True)


@export("batch_to_space", v1="")
def batch_to_space(input, block_shape, crops, name=None):
    """input [B * prod(block), s0, .., ...] -> [B, s0 * b0 - crops, .., ...]: the inverse of tf.space_to_batch."""
    return _blocks_op("BatchToSpaceND", input, block_shape, crops, name)


@export("", v1="batch_to_space")
def batch_to_space_v1(input, crops, block_size, name=None, block_shape=None):
    """TF1's tf.batch_to_space: images [B, H, W, C], one block size for height and width."""
    block = one_of("block_size", block_size, "block_shape", block_shape)
    return _blocks_op("BatchToSpaceND", input, _blocks(block), crops, name, True)


@export("required_space_to_batch_paddings")
def required_space_to_batch_paddings(input_shape, block_shape, base_paddings=None, name=None):
    """Spatial sizes [m], block_shape [m] -> (paddings, crops) [m, 2] that make the padded sizes divisible by the
    blocks.
    """
    given = [input_shape, block_shape] if base_paddings is None else [input_shape, block_shape, base_paddings]
    known = [record.static_value(v) if isinstance(v, record.Tensor) else np.array(record.setting(v)) for v in given]
    if any(v is None for v in known):
        return _paddings_of_run(*[record.convert_to_tensor(v, dtypes.int32) for v in given])
    sizes, blocks = known[:2]
    base = np.zeros((sizes.size, 2), np.int64) if base_paddings is None else known[2]
    whole = sizes + base.sum(1)
    extra = (-whole) % blocks
    paddings = np.stack([base[:, 0], base[:, 1] + extra], 1).astype(np.int32)
    crops = np.stack([np.zeros_like(extra), extra], 1).astype(np.int32)
    return record.convert_to_tensor(paddings, name="paddings"), record.convert_to_tensor(crops, name="crops")


def _paddings_of_run(sizes, blocks, base=None):
    """required_space_to_batch_paddings of tensors that only a run knows."""
    stack, zeros = OPS["Pack"].public, OPS["ZerosLike"].public(sizes)
    low, high = (zeros, zeros) if base is None else (base[:, 0], base[:, 1])
    rest = OPS["FloorMod"].public(-(sizes + low + high), blocks)
    return stack([low, high + rest], axis=1), stack([zeros, rest], axis=1)


# -- depth ------------------------------------------------------------------------------------------------------------
def _depth_shape(type, shape, block_size, data_format):
    """The shape that images of `shape` become; sizes may be None, and `shape`.  Raises where nothing could fit."""
    if data_format not in ("NHWC", "NCHW"):
        raise NotImplementedError(f"{type}: data_format={data_format!r} is not supported; NHWC and NCHW are")
    if shape is None:
        return (None,) * 4
    if len(shape) != 4:
        raise bad(type, f"Input rank should be: 4 instead of: {len(shape)}")
    last, b = data_format == "NHWC", block_size
    n, h, w, c = shape if last else (shape[0], shape[2], shape[3], shape[1])
    if type == "SpaceToDepth":
        if any(d is not None and d % b for d in (h, w)):
            raise bad(type, f"Image width {w} and height {h} should be divisible by block_size: {b}")
        h, w, c = h and h // b, w and w // b, c and c * b * b
    else:
        if c is not None and c % (b * b):
            raise bad(type, f"Input depth dimension {c} should be divisible by: {b * b}")
        h, w, c = h and h * b, w and w * b, c and c // (b * b)
    return (n, h, w, c) if last else (n, c, h, w)


def _to_depth_unknown(shape, *, block_size, data_format="NHWC"):
    return _depth_shape("SpaceToDepth", shape, block_size, data_format)


def _from_depth_unknown(shape, *, block_size, data_format="NHWC"):
    return _depth_shape("DepthToSpace", shape, block_size, data_format)


@op("SpaceToDepth", names="", results=_to_depth_unknown)
def space_to_depth_kernel(input, *, block_size, data_format="NHWC"):
    """input [B, H, W, C] -> [B, H / b, W / b, b * b * C]."""
    shape, b = _to_depth_unknown(input.shape, block_size=block_size, data_format=data_format), block_size
    if data_format == "NHWC":
        n, h, w, _ = shape
        return input.reshape(n, h, b, w, b, input.shape[3]).transpose(0, 1, 3, 2, 4, 5).reshape(shape)
    n, _, h, w = shape
    return input.reshape(n, input.shape[1], h, b, w, b).transpose(0, 3, 5, 1, 2, 4).reshape(shape)


@op("DepthToSpace", names="", results=_from_depth_unknown)
def depth_to_space_kernel(input, *, block_size, data_format="NHWC"):
    """input [B, H, W, b * b * C] -> [B, H * b, W * b, C]."""
    shape, b = _from_depth_unknown(input.shape, block_size=block_size, data_format=data_format), block_size
    if data_format == "NHWC":
        n, h, w, _ = input.shape
        return input.reshape(n, h, w, b, b, shape[3]).transpose(0, 1, 3, 2, 4, 5).reshape(shape)
    n, _, h, w = input.shape
    return input.reshape(n, b, b, shape[1], h, w).transpose(0, 3, 4, 1, 5, 2).reshape(shape)


def _depth(type, input, block_size, data_format, name):
    block_size = record.setting(block_size)
    if block_size < 2:
        raise ValueError(f"Value for attr 'block_size' of {block_size} must be at least minimum 2 ({type})")
    return record.call(OPS[type], [input], {"block_size": block_size, "data_format": data_format}, name)


@export("nn.space_to_depth", v1="")
def space_to_depth(input, block_size, data_format="NHWC", name=None):
    """input [B, H, W, C] -> [B, H / b, W / b, b * b * C]."""
    return _depth("SpaceToDepth", input, block_size, data_format, name)


@export("nn.depth_to_space", v1="")
def depth_to_space(input, block_size, data_format="NHWC", name=None):
    """input [B, H, W, b * b * C] -> [B, H * b, W * b, C]."""
    return _depth("DepthToSpace", input, block_size, data_format, name)


@export("", v1="space_to_depth nn.space_to_depth")
def space_to_depth_v1(input, block_size, name=None, data_format="NHWC"):
    """TF1's argument order of tf.nn.space_to_depth."""
    return _depth("SpaceToDepth", input, block_size, data_format, name)


@export("", v1="depth_to_space nn.depth_to_space")
def depth_to_space_v1(input, block_size, name=None, data_format="NHWC"):
    """TF1's argument order of tf.nn.depth_to_space."""
    return _depth("DepthToSpace", input, block_size, data_format, name)


# -- patches ----------------------------------------------------------------------------------------------------------
def _windows(size, kernel, stride, rate, padding):
    """(positions [out, kernel] in the padded input, padding before, padding after) along one dimension."""
    reach = (kernel - 1) * rate + 1
    if padding == "VALID":
        out, before, after = max((size - reach) // stride + 1, 0), 0, 0
    elif padding == "SAME":
        out = -(-size // stride)
        total = max((out - 1) * stride + reach - size, 0)
        before, after = total // 2, total - total // 2
    else:
        raise ValueError(f"padding must be 'VALID' or 'SAME', not {padding!r}")
    return np.arange(out)[:, None] * stride + np.arange(kernel)[None, :] * rate, before, after


def _patches(x, sizes, strides, rates, padding):
    """x [B, *spatial, C] -> [B, *out, prod(sizes) * C]: the windows, their elements in row-major order."""
    m = len(sizes)
    pads = [(0, 0, 0)]
    places = []
    for size, kernel, stride, rate in zip(x.shape[1:-1], sizes, strides, rates):
        at, before, after = _windows(size, kernel, stride, rate, padding)
        places.append(at)
        pads.append((before, after, 0))
    x = lax.pad(x, np.zeros((), x.dtype), [*pads, (0, 0, 0)])
    for i in reversed(range(m)):
        x = jnp.take(x, places[i], axis=i + 1, mode="clip")
    order = [0] + [2 * i + 1 for i in range(m)] + [2 * i + 2 for i in range(m)] + [2 * m + 1]
    x = x.transpose(order)
    return x.reshape([*x.shape[: m + 1], -1 if x.size else int(np.prod(sizes)) * x.shape[-1]])


def _patches_unknown(shape, *, ksizes, strides, rates=(1, 1, 1, 1, 1), padding):
    """The static shape of `_patches` where sizes are unknown."""
    rank = len(ksizes)
    if padding not in ("VALID", "SAME") or shape is not None and len(shape) != rank or len(strides) != rank:
        return NotImplemented
    batch, *spatial, depth = shape if shape is not None else (None,) * rank
    windows = zip(spatial, ksizes[1:-1], strides[1:-1], rates[1:-1])
    out = [None if size is None else len(_windows(size, *how, padding)[0]) for size, *how in windows]
    return (batch, *out, depth and depth * int(np.prod(ksizes[1:-1])))


@op("ExtractImagePatches", results=_patches_unknown)
def extract_image_patches_kernel(images, *, ksizes, strides, rates, padding):
    """images [B, H, W, C] -> [B, H', W', kh * kw * C]."""
    if images.ndim != 4:
        raise bad("ExtractImagePatches", f"input must be 4-dimensional{shapes_text(images.shape)}")
    for what, v in (("ksizes", ksizes), ("strides", strides), ("rates", rates)):
        if len(v) != 4 or v[0] != 1 or v[3] != 1:
            raise errors.UnimplementedError(None, None, f"Only support {what} across space. [Op:ExtractImagePatches]")
    return _patches(images, ksizes[1:3], strides[1:3], rates[1:3], padding)


@export("image.extract_patches")
def extract_patches(images, sizes, strides, rates, padding, name=None):
    """images [B, H, W, C] -> [B, H', W', kh * kw * C]: the windows of the image side by side in the depth."""
    settings = {"ksizes": sizes, "strides": strides, "rates": rates, "padding": padding}
    return record.call(OPS["ExtractImagePatches"], [images], settings, name)


@export("", v1="extract_image_patches image.extract_image_patches")
def extract_image_patches(images, ksizes=None, strides=None, rates=None, padding=None, name=None, sizes=None):
    """TF1's tf.extract_image_patches, with `sizes` as another name of `ksizes`."""
    return extract_patches(images, one_of("ksizes", ksizes, "sizes", sizes), strides, rates, padding, name)


@op("ExtractVolumePatches", names="extract_volume_patches", results=_patches_unknown)
def extract_volume_patches(input, *, ksizes, strides, padding):
    """input [B, D, H, W, C] -> [B, D', H', W', kd * kh * kw * C]."""
    for what, v in (("ksizes", ksizes), ("strides", strides)):
        if len(v) != 5 or v[0] != 1 or v[4] != 1:
            raise errors.UnimplementedError(None, None, f"Only support {what} across space. [Op:ExtractVolumePatches]")
    return _patches(input, ksizes[1:4], strides[1:4], (1, 1, 1), padding)

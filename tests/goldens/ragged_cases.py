"""Expressions on ragged tensors that TensorFlow has answered (make_ragged.py): goldens/ragged.json has what it printed."""


def values(tf):
    """What the expressions speak of."""
    rt = tf.ragged.constant([[1, 2], [], [3, 4, 5]])
    r3 = tf.ragged.constant([[[1, 2], [3]], [], [[4], [], [5, 6]]])
    rf = tf.ragged.constant([[1.0, 2.0], [3.0]])
    rv = tf.RaggedTensor.from_row_splits(tf.reshape(tf.range(12), [6, 2]), [0, 2, 2, 6])
    d = tf.constant([[5, 7, 0], [0, 3, 0], [6, 0, 0]])
    import numpy as np

    return dict(tf=tf, np=np, rt=rt, r3=r3, rf=rf, rv=rv, d=d, RT=tf.RaggedTensor, C=tf.ragged.constant)


def answer(tf, expression):
    """What an expression gives, as text; the class of the error where it raises one."""
    try:
        return str(eval(expression, values(tf)))
    except Exception as e:  # whatever TensorFlow raises is the answer
        known = [c.__name__ for c in type(e).__mro__ if c.__name__ in ERRORS]
        return "raises " + known[0]


ERRORS = ("InvalidArgumentError", "IndexError", "ValueError", "TypeError", "NotImplementedError")

EXPRESSIONS = """
rt.to_tensor()
rt.to_tensor(default_value=-1)
rt.to_tensor(shape=[None, 2])
rt.to_tensor(shape=[4, 4])
r3.to_tensor()
rv.to_tensor()
tf.ragged.constant([['a'], ['b', 'c']]).to_tensor()
r3.to_tensor(9, shape=[None, 2, 3])
rt.to_sparse()
r3.to_sparse()
rv.to_sparse()
tf.RaggedTensor.from_sparse(rt.to_sparse())
tf.RaggedTensor.from_tensor(d)
tf.RaggedTensor.from_tensor(d).shape
tf.RaggedTensor.from_tensor(d, lengths=[1, 0, 3])
tf.RaggedTensor.from_tensor(d, padding=0)
tf.RaggedTensor.from_tensor(tf.reshape(tf.range(8), [2, 2, 2]), ragged_rank=2)
tf.RaggedTensor.from_tensor(tf.reshape(tf.range(12), [2, 2, 3]), lengths=([1, 2], [1, 2, 3]))
tf.RaggedTensor.from_tensor(tf.constant([[[5, 0], [0, 0]], [[1, 2], [3, 0]]]), padding=0, ragged_rank=2)
tf.RaggedTensor.from_tensor(tf.constant([[[5, 0], [0, 0]], [[1, 2], [3, 0]]]), padding=[0, 0])
tf.concat([rt, rt], 0)
tf.concat([rt, rt], 1)
tf.concat([r3, r3], -1)
tf.concat([rt, [[7], [8], [9]]], 1)
tf.concat([rt, tf.constant([[7, 8]])], 0)
tf.concat([rt], 0)
tf.stack([rt, rt])
tf.stack([rt, rt], 1)
tf.ragged.stack([[1, 2], [3]])
tf.ragged.stack([tf.constant([1, 2]), tf.constant([3])])
tf.ragged.stack([rt, rt], axis=1)
tf.ragged.stack([rt, rt], axis=2)
tf.ragged.stack([1, 2])
tf.ragged.stack([tf.constant([[1, 2]]), tf.constant([[3], [4]])])
tf.gather(rt, [2, 0])
tf.gather(tf.constant(['a', 'b', 'c']), tf.ragged.constant([[0, 1], [2]]))
tf.gather(rt, tf.ragged.constant([[0, 2], [1]]))
tf.gather(rt, [[2, 0], [1, 1]])
tf.gather(rt, 2)
tf.gather(rt, tf.ragged.constant([[1], [], [0, 2]]), batch_dims=1)
tf.gather(tf.ragged.constant([[1, 2], [3, 4, 5]]), [0, 1], axis=1)
tf.reduce_any(rt > 1, axis=1)
tf.reduce_all(rt > 1, axis=1)
tf.math.reduce_variance(rf, axis=1)
tf.math.reduce_std(rf, axis=1)
tf.reduce_sum(rt, axis=1, keepdims=True)
tf.reduce_sum(rv, axis=2)
tf.reduce_sum(rv, axis=1)
rt + [[10], [20], [30]]
rv * [1, 2]
rt + [[100]]
rt + tf.ragged.constant([[1], [2], [3]])
rt + tf.expand_dims([1, 2, 3], 1)
rt + [1, 2]
r3 + tf.ragged.constant([[[1], [2]], [], [[3], [4], [5]]])
r3 + rf[:1]
tf.constant(3) + rt
np.array(3) + rt
rt % 2
rt ** 2
(rt > 1) & (rt < 4)
~(rt > 1)
abs(-rt)
3 < rt
1.0 / rf
rt == 3
rt != rt
rt == None
tf.cast(rt, tf.float32)
tf.exp(rf)
tf.nn.relu(rf - 2.0)
tf.maximum(rt, 2)
tf.add(rt, 1)
tf.clip_by_value(rt, 2, 3)
tf.one_hot(rt, 3).shape
tf.add_n([rt, rt])
tf.pow(rf, 2.0)
tf.multiply(2, rt)
tf.round(rf)
tf.strings.length(tf.ragged.constant([['ab'], ['c', '']]))
tf.strings.upper(tf.ragged.constant([['ab'], ['c', '']]))
tf.strings.join([tf.ragged.constant([['a'], ['b', 'c']]), 'x'])
tf.strings.to_number(tf.ragged.constant([['1'], ['2', '3']]))
tf.strings.substr(tf.ragged.constant([['abc'], ['def', 'g']]), 0, 1)
tf.strings.reduce_join(tf.ragged.constant([['a', 'b'], ['c']]), axis=1, separator='-')
tf.strings.reduce_join(tf.ragged.constant([['a', 'b'], ['c']]))
tf.expand_dims(rt, 0)
tf.expand_dims(rt, 1)
tf.expand_dims(rt, 2)
tf.expand_dims(r3, -1)
tf.size(rt)
tf.rank(r3)
tf.tile(rt, [1, 2])
tf.tile(rt, [2, 1])
tf.reverse(rt, [0])
tf.reverse(rt, axis=[1])
tf.where(rt > 2)
tf.where(rt > 2, rt, -rt)
tf.where(rt > 2, rt, 0)
tf.boolean_mask(rt, [True, False, True])
tf.ragged.boolean_mask(rt, rt > 2)
tf.ragged.boolean_mask([[1, 2], [3, 4]], [[True, False], [True, True]])
tf.ragged.boolean_mask([[1, 2], [3, 4]], [True, False])
tf.ragged.range([3, 5, 2])
tf.ragged.range([0, 5, 8], [3, 3, 12], 2)
tf.ragged.range([0, 5, 8], [3, 3, 12])
tf.ragged.range([2.5, 1.0])
tf.ragged.row_splits_to_segment_ids([0, 3, 3, 5, 6, 9])
tf.ragged.segment_ids_to_row_splits([0, 0, 0, 2, 2, 3, 4, 4, 4])
tf.ragged.segment_ids_to_row_splits([0, 0], num_segments=4)
tf.ragged.map_flat_values(lambda x: x * 2, rt)
tf.ragged.map_flat_values(tf.multiply, rt, rt)
tf.ragged.stack_dynamic_partitions(['a', 'b', 'c', 'd', 'e'], [1, 3, 0, 3, 1], 4)
rt.row_lengths()
r3.row_lengths(axis=2)
rt.nrows()
rt.row_starts()
rt.row_limits()
rt.value_rowids()
r3.nested_value_rowids()
rv.bounding_shape()
rt.bounding_shape(axis=1)
r3.merge_dims(0, 1)
r3.merge_dims(1, 2)
r3.merge_dims(0, 2)
rv.merge_dims(1, 2)
rt.with_values(tf.range(5) * 2)
r3.with_flat_values(tf.range(6))
rt.with_row_splits_dtype(tf.int32).row_splits
RT.from_value_rowids([1, 2, 3], [0, 0, 2], nrows=4)
RT.from_row_lengths([1, 2, 3], [2, 0, 1])
RT.from_row_starts([1, 2, 3], [0, 2, 2])
RT.from_row_limits([1, 2, 3], [2, 2, 3])
RT.from_uniform_row_length([1, 2, 3, 4], 2).shape
RT.from_uniform_row_length([], 0, nrows=3)
RT.from_uniform_row_length([1, 2, 3], 2)
RT.from_nested_row_splits([1, 2, 3], [[0, 1, 2], [0, 2, 3]])
RT.from_nested_row_lengths([1, 2, 3], [[1, 1], [2, 1]])
RT.from_nested_value_rowids([1, 2, 3], [[0, 1], [0, 0, 1]])
RT.from_row_splits([1], [])
RT.from_row_splits([1, 2, 3], [0, 3, 2, 3])
repr(RT.from_uniform_row_length(rt, 3).shape)
RT.from_uniform_row_length(rt, 3).uniform_row_length
tf.nest.flatten(rt, expand_composites=True)
rt.numpy()
rv.to_list()
tf.RaggedTensorSpec([2, None], tf.int32).is_compatible_with(rt)
tf.RaggedTensorSpec([3, None], tf.int32).is_compatible_with(rt)
C([[1, 2], [3]], dtype=tf.float64)
C([[[1, 2]], []], ragged_rank=1)
C([[], [[1]]]).shape
C([1, 2, 3])
C([[]], dtype=tf.string).shape
C([[[]], []]).shape
C([['a']], dtype=tf.int32)
C([[1], [2.5]])
C([[True]])
C(np.array([[1, 2], [3, 4]]))
C([np.array([1, 2]), np.array([3])])
C([[1, [2]]])
tf.strings.split([['a b', 'c'], ['d e f', '']])
tf.strings.split(['a,b', 'c'], ',')
tf.strings.split(tf.ragged.constant([['a b'], ['c', 'd e']]))
tf.strings.unicode_split(['héy', 'a'], 'UTF-8')
tf.strings.unicode_decode_with_offsets(['héy', 'a'], 'UTF-8')
tf.strings.unicode_encode(tf.ragged.constant([[72, 101], [97]]), 'UTF-8')
tf.strings.ngrams([['a', 'b', 'c']], 2)
tf.strings.ngrams(tf.ragged.constant([['a', 'b', 'c'], ['d']]), [1, 2])
tf.compat.v1.strings.split(['a b', 'c'], result_type='RaggedTensor')
rt[0]
rt[-1]
rt[1:]
rt[::-1]
rt[:,1:]
rt[:,::-1]
rt[:,-1:]
rt[...,0:1]
rt[None]
rt[:,None]
rt[:,:,None]
rt[2,1]
rt[2,1:]
rt[tf.constant(2)]
rt[1:,:2]
r3[0]
r3[0,1]
r3[2,0,0]
r3[:,0:1]
r3[:,:,:1]
r3[...,::-1]
r3[0,:,0:1]
rv[0]
rv[:,:,0]
rv[:,0:1,1]
rv[...,1]
rv[0,1]
r3[:,-1:]
rv[:,:,None]
rt[1:5]
rt[tf.newaxis,...]
rt[...]
rt[()]
rt[0:0]
rt[:,0:0]
rt[:,tf.constant(1):]
tf.reduce_sum(tf.cast(rt, tf.float32), axis=None)
tf.reduce_sum(tf.cast(rt, tf.float32), axis=0)
tf.reduce_sum(tf.cast(rt, tf.float32), axis=1)
tf.reduce_sum(tf.cast(rt, tf.float32), axis=-1)
tf.reduce_sum(tf.cast(r3, tf.float64), axis=0)
tf.reduce_sum(tf.cast(r3, tf.float64), axis=1)
tf.reduce_sum(tf.cast(r3, tf.float64), axis=2)
tf.reduce_sum(tf.cast(r3, tf.float64), axis=[0, 1])
tf.reduce_sum(tf.cast(r3, tf.float64), axis=[1, 2])
tf.reduce_sum(tf.cast(r3, tf.float64), axis=[0, 2])
tf.reduce_prod(tf.cast(rt, tf.float32), axis=None)
tf.reduce_prod(tf.cast(rt, tf.float32), axis=0)
tf.reduce_prod(tf.cast(rt, tf.float32), axis=1)
tf.reduce_prod(tf.cast(rt, tf.float32), axis=-1)
tf.reduce_prod(tf.cast(r3, tf.float64), axis=0)
tf.reduce_prod(tf.cast(r3, tf.float64), axis=1)
tf.reduce_prod(tf.cast(r3, tf.float64), axis=2)
tf.reduce_prod(tf.cast(r3, tf.float64), axis=[0, 1])
tf.reduce_prod(tf.cast(r3, tf.float64), axis=[1, 2])
tf.reduce_prod(tf.cast(r3, tf.float64), axis=[0, 2])
tf.reduce_max(tf.cast(rt, tf.float32), axis=None)
tf.reduce_max(tf.cast(rt, tf.float32), axis=0)
tf.reduce_max(tf.cast(rt, tf.float32), axis=1)
tf.reduce_max(tf.cast(rt, tf.float32), axis=-1)
tf.reduce_max(tf.cast(r3, tf.float64), axis=0)
tf.reduce_max(tf.cast(r3, tf.float64), axis=1)
tf.reduce_max(tf.cast(r3, tf.float64), axis=2)
tf.reduce_max(tf.cast(r3, tf.float64), axis=[0, 1])
tf.reduce_max(tf.cast(r3, tf.float64), axis=[1, 2])
tf.reduce_max(tf.cast(r3, tf.float64), axis=[0, 2])
tf.reduce_min(tf.cast(rt, tf.float32), axis=None)
tf.reduce_min(tf.cast(rt, tf.float32), axis=0)
tf.reduce_min(tf.cast(rt, tf.float32), axis=1)
tf.reduce_min(tf.cast(rt, tf.float32), axis=-1)
tf.reduce_min(tf.cast(r3, tf.float64), axis=0)
tf.reduce_min(tf.cast(r3, tf.float64), axis=1)
tf.reduce_min(tf.cast(r3, tf.float64), axis=2)
tf.reduce_min(tf.cast(r3, tf.float64), axis=[0, 1])
tf.reduce_min(tf.cast(r3, tf.float64), axis=[1, 2])
tf.reduce_min(tf.cast(r3, tf.float64), axis=[0, 2])
tf.reduce_mean(tf.cast(rt, tf.float32), axis=None)
tf.reduce_mean(tf.cast(rt, tf.float32), axis=0)
tf.reduce_mean(tf.cast(rt, tf.float32), axis=1)
tf.reduce_mean(tf.cast(rt, tf.float32), axis=-1)
tf.reduce_mean(tf.cast(r3, tf.float64), axis=0)
tf.reduce_mean(tf.cast(r3, tf.float64), axis=1)
tf.reduce_mean(tf.cast(r3, tf.float64), axis=2)
tf.reduce_mean(tf.cast(r3, tf.float64), axis=[0, 1])
tf.reduce_mean(tf.cast(r3, tf.float64), axis=[1, 2])
tf.reduce_mean(tf.cast(r3, tf.float64), axis=[0, 2])
tf.abs(rt)
tf.sign(rt)
tf.square(rt)
tf.negative(rt)
tf.zeros_like(rt)
tf.ones_like(rt)
tf.identity(rt)
""".strip().split("\n")

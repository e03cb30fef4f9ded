"""tf.raw_ops on the handles of variables."""

import pytest

import tfcompat as tf

v1, raw = tf.compat.v1, tf.raw_ops


def test_a_handle_of_its_own():
    handle = raw.VarHandleOp(dtype=tf.int32, shape=[2])
    assert not raw.VarIsInitializedOp(resource=handle)
    with pytest.raises(tf.errors.FailedPreconditionError):
        raw.ReadVariableOp(resource=handle, dtype=tf.int32)
    raw.AssignVariableOp(resource=handle, value=tf.constant([1, 2]))
    raw.AssignAddVariableOp(resource=handle, value=tf.constant([1, 1]))
    assert raw.ReadVariableOp(resource=handle, dtype=tf.int32).numpy().tolist() == [2, 3]
    with pytest.raises(tf.errors.InvalidArgumentError) as e:
        raw.AssignVariableOp(resource=handle, value=tf.constant([1.0]))
    assert e.value.message == "Trying to assign to variable with wrong dtype. Expected int32 got float"
    raw.DestroyResourceOp(resource=handle)
    with pytest.raises(tf.errors.NotFoundError):
        raw.DestroyResourceOp(resource=handle, ignore_lookup_error=False)


def test_the_handle_of_a_variable():
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    raw.ResourceScatterAdd(resource=v.handle, indices=[1], updates=tf.constant([[10.0, 10.0]]))
    raw.ResourceScatterNdUpdate(ref=v.handle, indices=[[0, 0]], updates=tf.constant([9.0]))
    assert v.numpy().tolist() == [[9.0, 2.0], [13.0, 14.0]]
    assert raw.ResourceGather(resource=v.handle, indices=[1], dtype=tf.float32).numpy().tolist() == [[13.0, 14.0]]
    picked = raw.ResourceGather(resource=v.handle, indices=[[1], [0]], dtype=tf.float32, batch_dims=1)
    assert picked.numpy().tolist() == [[2.0], [13.0]]
    assert raw.ResourceGatherNd(resource=v.handle, indices=[[0, 1]], dtype=tf.float32).numpy().tolist() == [2.0]
    assert raw.VariableShape(input=v.handle).numpy().tolist() == [2, 2]


def test_a_handle_is_a_tensor_without_numbers():
    v = tf.Variable(1.0)
    assert v.handle.dtype == tf.resource and v.handle.shape == []
    assert str(v.handle).startswith('tf.Tensor(<ResourceHandle(name="Variable", device="/job:localhost')
    assert repr(v.handle).startswith("<tf.Tensor: shape=(), dtype=resource, value=<ResourceHandle(")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="Cannot convert a Tensor of dtype resource to a NumPy array"
    ):
        v.handle.numpy()
    handed = tf.function(lambda x: (x, v.handle))(2.0)[1]
    assert raw.ReadVariableOp(resource=handed, dtype=tf.float32).numpy() == 1.0


def test_in_a_graph():
    with tf.Graph().as_default(), v1.Session() as session:
        handle = raw.VarHandleOp(dtype=tf.float32, shape=[], name="h")
        assert handle.name == "h:0" and handle.dtype is tf.resource
        ready = raw.VarIsInitializedOp(resource=handle)
        assert not session.run(ready)
        session.run(raw.AssignVariableOp(resource=handle, value=tf.constant(3.0)))
        assert session.run(ready)
        with tf.control_dependencies([raw.AssignSubVariableOp(resource=handle, value=tf.constant(1.0))]):
            after = raw.ReadVariableOp(resource=handle, dtype=tf.float32)
        assert session.run(after) == 2.0

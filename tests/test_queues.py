"""TF1's queues, readers and input pipelines.  Orders and values from TensorFlow 2.21."""

import os
import threading
import time

import numpy as np
import pytest
from tfcompat.compat import v1 as tf

import tfcompat as tf2

errors = tf.errors


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as g:
        yield g


def rows(n):
    return np.arange(n, dtype=np.int32)


QUEUES = {
    "fifo": (lambda: tf.FIFOQueue(10, tf.int32, shapes=[()]), [0, 1, 2, 3, 4, 5, 6, 7]),
    "random": (lambda: tf.RandomShuffleQueue(10, 2, tf.int32, shapes=[()], seed=3), [0, 8, 6, 4, 9, 1, 7, 3]),
    "padding": (lambda: tf.PaddingFIFOQueue(10, tf.int32, shapes=[()]), [0, 1, 2, 3, 4, 5, 6, 7]),
}


@pytest.mark.parametrize("kind", QUEUES)
def test_order(kind):
    make, expected = QUEUES[kind]
    tf.set_random_seed(5)
    q = make()
    fill, one, size = q.enqueue_many([rows(10)]), q.dequeue(), q.size()
    with tf.Session() as sess:
        sess.run(fill)
        assert sess.run(size) == 10
        assert [int(sess.run(one)) for _ in range(8)] == expected


def test_priorities_and_names():
    q = tf.PriorityQueue(10, [tf.string], shapes=[()], names=["priority", "text"])
    fill = q.enqueue_many({"priority": np.array([3, 1, 2], np.int64), "text": ["c", "a", "b"]})
    batch = q.dequeue_many(3)
    with tf.Session() as sess:
        sess.run(fill)
        got = sess.run(batch)
    assert got["priority"].tolist() == [1, 2, 3] and got["text"].tolist() == [b"a", b"b", b"c"]


def test_padding():
    q = tf.PaddingFIFOQueue(10, [tf.int32, tf.string], shapes=[(None,), (None, 2)])
    x, s = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.string, [None, 2])
    put, take = q.enqueue([x, s]), q.dequeue_many(2)
    assert [t.shape.as_list() for t in take] == [[2, None], [2, None, 2]]
    with tf.Session() as sess:
        sess.run(put, {x: [1, 2, 3], s: [["a", "b"]]})
        sess.run(put, {x: [4], s: [["c", "d"], ["e", "f"]]})
        numbers, texts = sess.run(take)
    assert numbers.tolist() == [[1, 2, 3], [4, 0, 0]]
    assert texts.tolist() == [[[b"a", b"b"], [b"", b""]], [[b"c", b"d"], [b"e", b"f"]]]


def test_what_is_fed_is_copied():
    q = tf.FIFOQueue(2, tf.float32, shapes=[(2,)])
    x = tf.placeholder(tf.float32, [2])
    put, take = q.enqueue(x), q.dequeue()
    array = np.ones(2, np.float32)
    with tf.Session() as sess:
        sess.run(put, {x: array})
        array[:] = 7
        assert sess.run(take).tolist() == [1, 1]


class Closed:
    """What is done with a queue of two elements after close()."""

    rest = ("dequeue_up_to", 5, [0, 1])
    whole = ("dequeue_many", 2, [0, 1])
    more = ("dequeue_many", 3, errors.OutOfRangeError)
    put = ("enqueue", 3, errors.CancelledError)


@pytest.mark.parametrize("name", ["rest", "whole", "more", "put"])
def test_closed(name):
    method, argument, expected = getattr(Closed, name)
    q = tf.FIFOQueue(10, tf.int32, shapes=[()])
    fill, close, act, is_closed = q.enqueue_many([rows(2)]), q.close(), getattr(q, method)(argument), q.is_closed()
    with tf.Session() as sess:
        sess.run(fill)
        assert not sess.run(is_closed)
        sess.run(close)
        assert sess.run(is_closed)
        if isinstance(expected, list):
            assert sess.run(act).tolist() == expected
        else:
            with pytest.raises(expected, match="is closed"):
                sess.run(act)


def waits(sess, op, seen):
    def run():
        try:
            seen.append(sess.run(op))
        except errors.OpError as e:
            seen.append(type(e))

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.1)
    assert thread.is_alive()
    return thread


def test_calls_wait_for_each_other():
    q = tf.FIFOQueue(3, tf.int32, shapes=[()])
    take, put, seen = q.dequeue_many(4), q.enqueue_many([rows(5)]), []
    with tf.Session() as sess:
        thread = waits(sess, take, seen)
        sess.run(put)
        thread.join(5)
    assert [s.tolist() for s in seen] == [[0, 1, 2, 3]]


@pytest.mark.parametrize("end", ["session", "queue"])
def test_waiting_is_cancelled(end):
    q, seen = tf.FIFOQueue(1, tf.int32, shapes=[()]), []
    put, cancel = q.enqueue_many([rows(3)]), q.close(cancel_pending_enqueues=True)
    sess = tf.Session()
    thread = waits(sess, put, seen)
    sess.close() if end == "session" else sess.run(cancel)
    thread.join(5)
    assert seen == [errors.CancelledError]


def test_time_is_up():
    q = tf.FIFOQueue(1, tf.int32)
    with tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=20)) as sess:
        with pytest.raises(errors.DeadlineExceededError):
            sess.run(q.dequeue())


def test_shared_names():
    a = tf.FIFOQueue(5, tf.int32, shapes=[()], shared_name="s")
    b = tf.FIFOQueue(5, tf.int32, shapes=[()], shared_name="s", name="other")
    c = tf.FIFOQueue(6, tf.int32, shapes=[()], shared_name="s")
    with tf.Session() as sess:
        sess.run(a.enqueue(4))
        assert sess.run(b.dequeue()) == 4
        with pytest.raises(errors.InvalidArgumentError, match="capacity"):
            sess.run(c.size())


def test_a_queue_chosen_by_a_tensor():
    queues, which = [tf.FIFOQueue(5, tf.int32, shapes=[()]) for _ in range(3)], tf.placeholder(tf.int32, [])
    put = tf.QueueBase.from_list(which, queues).enqueue(7)
    with tf.Session() as sess:
        sess.run(put, {which: 1})
        assert [int(sess.run(q.size())) for q in queues] == [0, 1, 0]


def test_eagerly_and_in_functions():
    with tf2.Graph().as_default():
        pass
    from tfcompat._src.graph import context

    context.push(None)
    try:
        q = tf2.queue.FIFOQueue(5, [tf2.int32], shapes=[()])

        @tf2.function
        def twice(x):
            q.enqueue(x)
            q.enqueue(x + q.size())
            return q.dequeue()

        assert twice(tf2.constant(3)).numpy() == 3
        assert q.dequeue().numpy() == 4
    finally:
        context.pop()


# -- readers ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"head\none\r\ntwo")
    (tmp_path / "b.bin").write_bytes(b"HHabcdefT")
    with tf.python_io.TFRecordWriter(str(tmp_path / "c.rec")) as writer:
        writer.write(b"first")
        writer.write(b"second")
    return tmp_path


READERS = {
    "lines": (lambda: tf.TextLineReader(skip_header_lines=1), "a.txt", [(":2", b"one"), (":3", b"two")]),
    "records": (lambda: tf.TFRecordReader(), "c.rec", [(":0", b"first"), (":21", b"second")]),
    "stretches": (lambda: tf.FixedLengthRecordReader(3, 2, 1), "b.bin", [(":0", b"abc"), (":1", b"def")]),
    "hops": (lambda: tf.FixedLengthRecordReader(4, 2, 1, hop_bytes=1), "b.bin",
             [(":0", b"abcd"), (":1", b"bcde"), (":2", b"cdef")]),
    "whole": (lambda: tf.WholeFileReader(), "b.bin", [("", b"HHabcdefT")]),
    "identity": (lambda: tf.IdentityReader(), "b.bin", [("", None)]),
}  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
def test_readers(kind, files):
    make, name, expected = READERS[kind]
    path = str(files / name)
    q = tf.train.string_input_producer([path], num_epochs=1)
    reader = make()
    pair, produced, finished = reader.read(q), reader.num_records_produced(), reader.num_work_units_completed()
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        tf.train.start_queue_runners(sess)
        for key, value in expected:
            assert sess.run(pair) == ((path + key).encode(), path.encode() if value is None else value)
        with pytest.raises(errors.OutOfRangeError):
            sess.run(pair)
        assert sess.run([produced, finished]) == [len(expected), 1]


def test_read_up_to(files):
    q = tf.FIFOQueue(5, tf.string, shapes=[()])
    many = tf.TFRecordReader().read_up_to(q, 5)
    with tf.Session() as sess:
        sess.run(q.enqueue(str(files / "c.rec")))
        assert sess.run(many[1]).tolist() == [b"first", b"second"]


# -- pipelines --------------------------------------------------------------------------------------------------------
def test_the_orders_of_producers():
    tf.set_random_seed(3)
    numbers = tf.train.range_input_producer(5, shuffle=True).dequeue()
    texts = tf.train.string_input_producer(["a", "b", "c", "d"], seed=9).dequeue()
    with tf.Session() as sess:
        tf.train.start_queue_runners(sess)
        assert [int(sess.run(numbers)) for _ in range(10)] == [1, 3, 2, 4, 0, 3, 2, 0, 4, 1]
        assert b"".join([sess.run(texts) for _ in range(8)]) == b"cadbdbca"


def test_a_training_pipeline(files):
    """Files, a reader, a batch with what is left at the end, a coordinator: the values of TensorFlow 2.21."""
    for k in range(2):
        with tf.python_io.TFRecordWriter(str(files / f"{k}.tfrecords")) as writer:
            for i in range(5):
                writer.write(bytes([i, i + 10 * k]))
    tf.set_random_seed(1)
    names = tf.train.match_filenames_once(str(files / "*.tfrecords"))
    queue = tf.train.string_input_producer(names, shuffle=True, num_epochs=2)
    _, text = tf.TFRecordReader().read(queue)
    pair = tf.cast(tf.reshape(tf.decode_raw(text, tf.uint8), [2]), tf.float32)
    x, y = tf.train.batch([pair[1], pair[0]], batch_size=6, allow_smaller_final_batch=True)
    w = tf.Variable(0.0)
    step = tf.assign_add(w, tf.reduce_sum(x))
    seen, coord = [], tf.train.Coordinator()
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        assert [os.path.basename(n) for n in sess.run(names)] == [b"0.tfrecords", b"1.tfrecords"]
        threads = tf.train.start_queue_runners(sess=sess, coord=coord)
        try:
            while not coord.should_stop():
                seen.append([v.astype(int).tolist() for v in sess.run([y, x, step])[:2]])
        except errors.OutOfRangeError:
            coord.request_stop()
        coord.join(threads)
        total = sess.run(w)
    assert [s[1] for s in seen] == [[0, 1, 2, 3, 4, 10], [11, 12, 13, 14, 10, 11], [12, 13, 14, 0, 1, 2], [3, 4]]
    assert total == 140 and not any(t.is_alive() for t in threads)


def test_threads_share_a_count():
    zero = tf.train.limit_epochs(tf.constant(0), num_epochs=40)
    batch = tf.train.batch([zero], batch_size=8, num_threads=4)
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        tf.train.start_queue_runners(sess)
        for _ in range(5):
            assert sess.run(batch).tolist() == [0] * 8
        with pytest.raises(errors.OutOfRangeError):
            sess.run(batch)


def test_slices_sparse_tensors_and_chosen_examples():
    a, b = tf.train.slice_input_producer([["x", "y", "z"], [1, 2, 3]], shuffle=False)
    pairs = tf.train.batch([a, b], 3)
    sparse = tf.train.batch({"s": tf.SparseTensor([[0], [1]], [7, 8], [3])}, batch_size=2)
    counted = tf.train.range_input_producer(4, shuffle=False).dequeue()
    odd = tf.train.maybe_batch([counted], tf.equal(counted % 2, 1), 2)
    with tf.Session() as sess:
        tf.train.start_queue_runners(sess)
        assert [v.tolist() for v in sess.run(pairs)] == [[b"x", b"y", b"z"], [1, 2, 3]]
        got = sess.run(sparse["s"])
        assert got.indices.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]] and got.values.tolist() == [7, 8, 7, 8]
        assert got.dense_shape.tolist() == [2, 3]
        assert sess.run(odd).tolist() == [1, 3]


def test_many_threads_train_one_variable():
    v = tf.Variable(np.zeros(1000, np.float32))
    step, total = tf.assign_add(v, tf.ones(1000)), tf.reduce_sum(v)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())

        def work():
            for _ in range(50):
                sess.run(step.op)
                sess.run(total)

        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert sess.run(v).tolist() == [200] * 1000


REFUSED = {
    "empty": (lambda: tf.train.string_input_producer([]), ValueError, "non-null"),
    "no tensors": (lambda: tf.train.batch([], 2), ValueError, "non-empty"),
    "capacity": (lambda: tf.train.shuffle_batch([tf.constant(1)], 2, 3, 5), ValueError, "bigger than"),
    "shape": (lambda: tf.FIFOQueue(3, tf.int32, shapes=[(2,)]).enqueue([[1, 2, 3]]), ValueError, "incompatible"),
    "names": (lambda: tf.FIFOQueue(3, tf.int32, names="a").enqueue(1), ValueError, "dictionary"),
    "lmdb": (lambda: tf.LMDBReader(), NotImplementedError, "LMDB"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words):
        call()

"""Sentences of different lengths as ragged tensors, and Python's own if and while inside a tf.function."""

import tensorflow as tf

sentences = tf.constant(["the cat sat", "on the mat", "and slept"])
words = tf.strings.split(sentences)
print(words)
print("words a sentence", words.row_lengths().numpy())
print("last words", words[:, -1:].values.numpy())

lengths = tf.ragged.map_flat_values(tf.strings.length, words)
print("letters", lengths)
means = tf.reduce_mean(tf.cast(lengths, tf.float32), axis=1)
print("longest", tf.reduce_max(lengths, axis=1).numpy(), "mean", means.numpy())
print("as a matrix")
print(lengths.to_tensor(default_value=-1).numpy())

vocabulary = {word: i for i, word in enumerate(sorted(set(words.flat_values.numpy())))}
ids = tf.ragged.constant([[vocabulary[w] for w in row] for row in words.to_list()])
table = tf.Variable(tf.reshape(tf.range(2.0 * len(vocabulary)), [-1, 2]))
with tf.GradientTape() as tape:
    sums = tf.reduce_sum(tf.nn.embedding_lookup(table, ids), axis=1)
    loss = tf.reduce_sum(sums**2)
print("sums", sums.numpy().tolist())
print("rows of the gradient", tf.convert_to_tensor(tape.gradient(loss, table))[:, 0].numpy())


@tf.function
def steps_to_one(n):
    steps = 0
    while n > 1:
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    return steps


print("steps from 27 to 1:", steps_to_one(tf.constant(27)).numpy())

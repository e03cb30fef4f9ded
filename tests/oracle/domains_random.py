"""Random numbers: TensorFlow's own, bit for bit, for the seeds given.  (rows.py says how to read a row.)"""

# Rows stay rows:
# fmt: off

from rows import at, f, on, row

SEED = dict(seed=1234, grad=False)
row("random.uniform", on([2, 3]), on([3], -1.0, 2.0), on([4], 0, 10, "int32"), on([2], 0, 100, "int64", 7), on([3], dtype="float64"),
    on([3], dtype="float16"), on([0]), on([2], maxval=None, dtype="int32"), on([2], 5, 5, "int32"), on(at([2, 2], "int32")), **SEED)
row("random.normal random.truncated_normal", on([2, 3]), on([3], 1.0, 2.0), on([3], dtype="float64", seed=5), on([3], dtype="float16"),
    on([2, 2], f(2), 1.0), on([0]), on([2], dtype="int32"), **SEED)
row("random.shuffle", on(f(5)), on(f(4, 2), 3), on(f(0)), on(f()), dtypes="float32 int32 string", seed=1234, grad=False)
row("random.categorical", on(f(2, 4), 5), on(f(1, 3), 4, "int32", 9), on(f(3), 2), on(f(2, 0), 1), dtypes="float32 float64", **SEED)
row("v1:multinomial", on(f(2, 4), 5), on(f(2, 4), 3, 7), **SEED)
row("random.gamma", on([3], f(2, low=0.5)), on([2], 2.0, 3.0, seed=4), on([2], f(2, low=0.5, dtype="float64"), dtype="float64"), seed=1234,
    grad=False, rtol=1e-5)
row("random.poisson", on([3], f(2, low=0.5, high=20.0)), on([2], 4.0, "int32", 4), **SEED)
row("v1:random.poisson", on(f(2, low=0.5, high=20.0), [3]), **SEED)
row("image.random_crop", on(f(4, 4), [2, 2]), on(f(4, 4), [2, 4], 3), on(f(4, 4), [5, 4]), **SEED)
row("nn.dropout", on(f(3, 4), 0.5), on(f(3, 4), 0.4, [3, 1]), on(f(3, 4), 0.0), on(f(3, 4), 1.0), on(f(3, 4), rate=0.3, seed=3), on(f(3, 4), 1.5),
    dtypes="float32 float64 float16 int32", seed=1234, slope="random")
row("v1:nn.dropout", on(f(3, 4), 0.5), on(f(3, 4), rate=0.2), on(f(3, 4), keep_prob=0.9, noise_shape=[3, 1], seed=4), seed=1234, slope="random")
TWO = [1, 2]
row("random.stateless_uniform", on([3], TWO), on([3], TWO, 0, 10, "int32"), on([2], TWO, None, None, "uint32"), on([3], TWO, dtype="float64"),
    on([2], TWO, 2, 2, "int32"), on([2], [1]), grad=False)
row("random.stateless_normal random.stateless_truncated_normal", on([3], TWO), on([3], TWO, 1.0, 2.0), on([3], TWO, dtype="float64"), grad=False)
row("random.stateless_categorical", on(f(2, 4), 5, TWO), grad=False)
row("v1:random.stateless_multinomial", on(f(2, 4), 5, TWO), grad=False)
row("random.stateless_gamma", on([3, 2], TWO, f(2, low=0.5)), grad=False, rtol=1e-5)
row("random.stateless_poisson", on([3, 2], TWO, f(2, low=0.5, high=20.0)), grad=False)
row("random.stateless_binomial", on([3], TWO, 10.0, 0.3), grad=False)
row("random.stateless_parameterized_truncated_normal", on([3], TWO, 0.0, 1.0, -1.0, 1.0), grad=False, rtol=1e-5)
row("random.experimental.stateless_shuffle", on(f(5), TWO), grad=False)
row("random.experimental.stateless_split", on(TWO, 3), grad=False)
row("random.experimental.stateless_fold_in", on(TWO, 3), grad=False)
row("random.experimental.index_shuffle random_index_shuffle", on(3, [1, 2, 3], 10), grad=False)
row("nn.experimental.stateless_dropout", on(f(3, 4), 0.5, TWO))
row("nn.experimental.general_dropout", on(f(3, 4), 0.5, None), slope="random", call=lambda tf, x, r,
    n: tf.nn.experimental.general_dropout(x, r, lambda shape, dtype: tf.random.stateless_uniform(shape, [1, 2], dtype=dtype), n))
row("random.create_rng_state", on(7, "philox"), grad=False)
row("random.Generator", on([3]), grad=False, shapes=False, call=lambda tf,
    shape: [(g := tf.random.Generator.from_seed(5)).normal(shape), g.uniform(shape), g.uniform(shape, 0, 9, "int32"), g.truncated_normal(shape)])
SAMPLER = on(at([[1], [3]], "int64"), 1, 4, True, 20, seed=3)
row("random.log_uniform_candidate_sampler random.uniform_candidate_sampler", SAMPLER, **SEED)
row("nn.learned_unigram_candidate_sampler", SAMPLER, **SEED)
row("nn.all_candidate_sampler", on(at([[1], [3]], "int64"), 1, 6, True, seed=3), **SEED)
row("nn.fixed_unigram_candidate_sampler", on(at([[1], [3]], "int64"), 1, 3, True, 5, unigrams=[1, 2, 3, 4, 5], seed=3), **SEED)
row("nn.compute_accidental_hits", on(at([[1, 2], [3, 4]], "int64"), at([2, 9, 3], "int64"), 2), grad=False)
SAMPLED = (f(8, 3), f(8), at([[1], [5]], "int64"), f(2, 3), 4, 8)
row("nn.nce_loss nn.sampled_softmax_loss", on(*SAMPLED), seed=1234, slope="random")
row("v1:nn.nce_loss v1:nn.sampled_softmax_loss", on(*SAMPLED, partition_strategy="div"), seed=1234, slope="random")

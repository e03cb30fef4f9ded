"""Disagreements with TensorFlow that are known.

ACCEPTED stay: (pattern of call ids, aspect, reason); the pattern is a glob, with [ written as [[]; an aspect is a word of compare.py.
open.txt lists the others, call by call: still to be mended.  An entry of either that no call needs any more fails run.py: these lists say what
is so, no more.  `run.py --open` writes open.txt anew.
"""

import fnmatch
import pathlib

OPEN = pathlib.Path(__file__).with_name("open.txt")
ACCEPTED: list = [
    # TensorFlow's mistakes and accidents.
    ("tf.extract_volume_patches(*", "static", "TensorFlow's shape function gives rank 4 to what has five dimensions"),
    ("tf.*rfftnd(*", "static", "TensorFlow's shape function gives the input's length to the output"),
    ("tf.repeat(f(2, 3), [[]1, 2, 3], axis=0)", "static", "with an unknown rank TensorFlow stumbles before it looks"),
    ("tf.math.bessel_i1(at(*", "gradient", "I1'(0) = 1/2; TensorFlow says 1"),
    ("tf.math.special.bessel_y[01](at(*", "value", "Y(inf) = 0 and Y1(0) = -inf, as in SciPy; TensorFlow says NaN"),
    ("tf.math.imag(f(2, 3)) *", "error", "TensorFlow answers for booleans and strings, too"),
    ("tf.math.imag(f(2, 3)) *", "static", "TensorFlow answers for booleans and strings, too"),
    ("tf.dynamic_stitch([[]at([[]0, 0]*", "gradient", "TensorFlow's gradient reaches a row that was overwritten"),
    ("tf.tuple(f(2))", "static", "TensorFlow asks for the truth of the tensor first, and a graph has none"),
    ("tf.compat.v1.assert_near([[]1.0]*", "static", "TensorFlow takes a text for the list of data"),
    ("tf.ensure_shape(f(2, 3), None)", "static", "in graphs TensorFlow refuses the shape that it takes eagerly"),
    ("tf.debugging.Assert(b(2), *", "error", "eagerly TensorFlow fails asking for the truth of a vector"),
    ("tf.compat.v1.placeholder_with_default(f(2), [[]3])", "error", "eagerly TensorFlow does not look at the shape"),
    (
        "tf.*sparse.segment_*(f(3, 2), at([[]], 'int32'), at([[]], 'int32'))",
        "gradient",
        "of no rows TensorFlow returns memory it never wrote to",
    ),
    ("tf.nn.isotonic_regression(f(5), False)", "gradient", "TensorFlow's gradient of a vector is a column"),
    ("tf.math.x[dl]*y(* complex64", "gradient", "TensorFlow leaves out a conjugate"),
    ("tf.math.multiply_no_nan(* complex64", "gradient", "TensorFlow leaves out a conjugate"),
    ("tf.math.cumprod(* complex64", "gradient", "TensorFlow leaves out a conjugate"),
    ("tf.math.*segment_prod(* complex64", "gradient", "TensorFlow leaves out a conjugate"),
    ("tf.compat.v1.losses.mean_pairwise*", "value", "eagerly TensorFlow takes a batch's elements for an example's"),
    ("tf.linalg.diag(f(2), k=1)", "static", "TensorFlow's shape function counts with the size it does not know"),
    ("tf.math.*softmax(f(2, 3), axis=2)", "static", "with an unknown rank TensorFlow stumbles before it looks"),
    ("tf.nn.*_pool(f(1, 2, 4, 4), 2, 2, 'VALID', 'NCHW')", "static", "with an unknown rank TensorFlow stumbles"),
    ("tf.nn.*_pool*(f(1, 2, 4, 4), 2, 2, 'VALID', 'NCHW')", "error", "TensorFlow has this layout on GPUs only"),
    (
        "tf.clip_by_global_norm([[]f(2)], 1.0, use_norm=3.0)",
        "error",
        "TensorFlow stumbles over a norm that is no tensor",
    ),
    (
        "tf.clip_by_global_norm([[]f(2)], 1.0, use_norm=3.0)",
        "static",
        "TensorFlow stumbles over a norm that is no tensor",
    ),
    ("tf.compat.v1.size(f(2, 3), None, 'int64')", "error", "TensorFlow stumbles over a dtype given by its name"),
    (
        "tf.nn.conv2d(f(1, 2, 2, 1), f(3, 3, 1, 1), 1, 'VALID')",
        "error",
        "refused; eagerly TensorFlow gives nothing, with oneDNN memory that nobody wrote to",
    ),
    ("tf.image.y[iu][qv]_to_rgb(f(2, 2))", "static", "with an unknown rank TensorFlow stumbles before it looks"),
    ("tf.image.rgb_to_y[iu][qv](f(2, 2))", "static", "with an unknown rank TensorFlow stumbles before it looks"),
    ("tf.strings.unicode_split('*", "static", "TensorFlow runs ops of constants while it infers shapes"),
    (
        "tf.quantization.quantize(*, 'MIN_FIRST')",
        "value",
        "with oneDNN, its default, TensorFlow rounds once, too; here it has none",
    ),
    # Free, or below what is rounded away.
    ("tf.math.top_k(f(2, 5), k=3, sorted=False)", "value", "unsorted: any order will do"),
    ("tf.compat.v1.nn.weighted_moments(*", "gradient", "a zero, rounded differently"),
    ("tf.image.rgb_to_grayscale(*) float64", "value", "float32 is what both compute in"),
    # Refused, with another class of exception or at another time.
    ("tf.math.reciprocal_no_nan(f(2, 3)) *", "error", "no such dtype: an error of the op, not of the 1 it divides"),
    ("tf.ragged.cross*", "error", "refused by name"),
    ("tf.ragged.cross*", "static", "refused by name"),
    ("tf.sparse.cross(*", "error", "refused by name"),
    ("tf.sparse.cross(*", "static", "refused by name"),
    ("tf.strings.unicode_script(*", "error", "refused by name"),
    ("tf.strings.unicode_script(*", "static", "refused by name"),
    ("tf.random.stateless_binomial(*", "error", "refused by name"),
    ("tf.random.stateless_binomial(*", "static", "refused by name"),
    ("tf.random.stateless_parameterized_truncated_normal(*", "error", "refused by name"),
    ("tf.random.stateless_parameterized_truncated_normal(*", "static", "refused by name"),
    ("tf.random*index_shuffle(*", "error", "refused by name"),
    ("tf.random*index_shuffle(*", "static", "refused by name"),
    ("tf.nn.learned_unigram_candidate_sampler(*", "error", "refused by name"),
    ("tf.nn.learned_unigram_candidate_sampler(*", "static", "refused by name"),
    ("tf.dynamic_partition(*", "static", "refused by name where the rank is unknown"),
]


def unmended():
    """{(aspect, call id)} of open.txt."""
    lines = OPEN.read_text().splitlines() if OPEN.exists() else []
    return {tuple(line.split(" ", 1)) for line in lines if line and line[0] != "#"}


def judged(found):
    """([(id, aspect, text)] that no entry covers, [entries that cover nothing], how many are open) of {id: [(aspect, text)]}."""
    refused, used, still = [], set(), unmended()
    for id, differences in found.items():
        for aspect, text in differences:
            covering = [e[:2] for e in ACCEPTED if e[1] == aspect and fnmatch.fnmatchcase(id, e[0])]
            covering = covering or [e for e in still if e == (aspect, id)]
            used.update(covering)
            if not covering:
                refused.append((id, aspect, text))
    every = [e[:2] for e in ACCEPTED] + sorted(still)
    return refused, [e for e in every if e not in used], len(still & used)


def write_open(refused):
    """Lists what no entry covers as open."""
    lines = sorted({f"{aspect} {id}" for id, aspect, _ in refused})
    OPEN.write_text(
        "# Disagreements still to be mended: aspect, call. Written by run.py --open; may only get shorter.\n"
        + "".join(f"{line}\n" for line in lines)
    )

"""Ops on every element: arithmetic, comparisons, bits, complex and special functions.  (rows.py says how to read a row.)"""

# Rows stay rows:
# fmt: off

import numpy as np
from rows import EVERY, FLOATS, INTS, NUMBERS, REALS, at, b, binary, c, f, i, on, row, unary

# -- one tensor -------------------------------------------------------------------------------------------------------
unary("abs math.negative math.sign square math.reciprocal exp math.expm1 sin cos sinh cosh tanh asinh atan sigmoid")
unary("math.log math.sqrt math.rsqrt math.log1p", low=0.1)
unary("acosh", low=1.1, high=4.0)
unary("asin acos atanh", low=-0.9, high=0.9)
unary("tan", low=-1.2, high=1.2)
unary("floor math.ceil math.rint math.is_nan math.is_inf math.is_finite")
unary("math.round", edges=[0.5, 1.5, 2.5, -0.5, -1.5, np.nan, np.inf])
unary("math.log_sigmoid math.reciprocal_no_nan math.erf math.erfc")
unary("math.lgamma math.digamma", low=0.2, high=4.0)
unary("math.erfinv", low=-0.9, high=0.9)
unary("math.ndtri math.erfcinv", low=0.1, high=0.9)
unary("logical_not bitwise.invert math.real math.imag math.conj math.angle")
unary("math.bessel_i0 math.bessel_i0e math.bessel_i1 math.bessel_i1e", dtypes=FLOATS + " int32")
unary("math.special.dawsn math.special.fresnel_cos math.special.fresnel_sin", dtypes=FLOATS + " int32")
unary("math.special.expint math.special.spence", low=0.1, dtypes=FLOATS + " int32")
unary("math.special.bessel_j0 math.special.bessel_j1", dtypes=FLOATS + " int32")
unary("math.special.bessel_y0 math.special.bessel_y1 math.special.bessel_k0 math.special.bessel_k1", low=0.2, dtypes=FLOATS)
unary("math.special.bessel_k0e math.special.bessel_k1e", low=0.2, dtypes=FLOATS)

# -- two tensors ------------------------------------------------------------------------------------------------------
binary("add math.subtract math.multiply divide math.truediv math.divide_no_nan math.multiply_no_nan math.squared_difference")
binary("math.floordiv math.floormod realdiv truncatediv truncatemod v1:div v1:floor_div", low2=1.0, high=5.0)
binary("math.maximum math.minimum")
binary("math.pow", low=0.3)
binary("math.xlogy math.xdivy math.xlog1py", low=0.1)
binary("atan2 math.nextafter", dtypes=REALS)
binary("equal math.not_equal less less_equal greater greater_equal")
row("v1:equal", on(f(2, 3), f(2, 3)), on(f(2, 3), f(3)), dtypes=EVERY)
binary("logical_and logical_or math.logical_xor", dtypes="bool int32 float32")
binary("bitwise.bitwise_and bitwise.bitwise_or bitwise.bitwise_xor", dtypes=INTS + " float32", low=0.0, high=50.0)
binary("bitwise.left_shift bitwise.right_shift", dtypes=INTS + " float32", low=0.0, high=6.0, edges=False)
binary("math.zeta", low=1.2, high=4.0, edges=False, dtypes=FLOATS, grad="1", rtol=2e-4)  # Hurwitz's series in float32
binary("math.igamma math.igammac", low=0.3, high=4.0, edges=False, dtypes=FLOATS, rtol=1e-4)  # two series in float32
row("math.polygamma", on(at([1.0, 2.0, 3.0]), f(3, low=0.5, high=3.0)), dtypes="float32 float64", grad="1", rtol=2e-4)
row("math.betainc", on(f(3, low=0.5, high=3.0), f(3, low=0.5, high=3.0), f(3, low=0.1, high=0.9)), grad="2", rtol=1e-4, dtypes="float32 float64")
row("math.scalar_mul", on(2.0, f(3)), on(f(), f(2, 3)), on(f(2), f(2)), dtypes=NUMBERS)
row("complex", on(f(2, 3), f(2, 3)), on(f(2, 1), f(3)), on(f(2), f(2, dtype="float64")), dtypes="float32 float64 int32 float16")

# -- choosing ---------------------------------------------------------------------------------------------------------
row("where", on(b(2, 3), f(2, 3), f(2, 3)), on(b(3), f(2, 3), f()), on(b(2, 1), 1.0, f(2, 3)), on(b(2, 3), f(2, 2), f(2, 2)), on(b(0), f(0), f(0)),
    on(b(2, 3)), on(f(2, 3)), on(at([0, 3, 0, 1], "int32")), on(b(2), f(2)), dtypes=EVERY)
row("v1:where", on(b(2, 3), f(2, 3), f(2, 3)), on(b(2), f(2, 3), f(2, 3)), on(b(2, 3)), on(b(3), f(2, 3), f(2, 3)), dtypes=EVERY)
row("v1:select", on(b(2, 3), f(2, 3), f(2, 3)), dtypes="float32", shapes=True, call=lambda tf, *x: tf.compat.v1.where(*x))
row("clip_by_value", on(f(2, 3), -1.0, 1.0), on(f(2, 3), f(), 1.5), on(f(2, 3), f(3, high=0.0), f(2, 1, low=0.5)),
    on(at([-1.0, 0.0, 1.0]), -1.0, 1.0), on(at([np.nan, np.inf, -np.inf]), -1.0, 1.0), on(f(0, 3), 0.0, 1.0), on(f(2, 3), 1.0, f(3, 2)),
    dtypes=NUMBERS)
row("cast", on(f(2, 3), "float64"), on(f(2, 3), "int32"), on(f(2, 3), "bool"), on(f(2, 3), "float16"), on(f(2, 3), "complex64"),
    on(f(2, 3), "string"), on(at([1e9, -3.7, 300.5]), "int32"), on(at([2.9, -2.9]), "int64"), on(c(3), "float32"), on([1, 2], "float32"),
    on(f(0, 2), "uint8"), on(i(3, low=-300, high=300), "int8"), on(i(3, low=0, high=300), "uint8"), on(b(3), "float32"), dtypes=EVERY, slope="rounds")
row("saturate_cast", on(at([-5.0, 3.7, 300.0, 1e12, np.inf]), "uint8"), on(i(4, low=-400, high=400), "int8"), on(f(3), "float64"),
    on(at([1e12, -1e12]), "int32"), on(c(3), "float32"), dtypes="float32 float64 int32 int64")
row("v1:to_float v1:to_double v1:to_int32 v1:to_int64 v1:to_bfloat16 v1:to_complex64 v1:to_complex128", on(f(2, 3)),
    dtypes="float32 int32 float64", slope="rounds")

# -- sums of tensors, polynomials -------------------------------------------------------------------------------------
row("add_n", on([f(2, 3), f(2, 3), f(2, 3)]), on([f(3)]), on(f(2, 3)), on([f(2, 3), f(3)]), on([]), on([f(2), f(2, dtype="float64")]), dtypes=EVERY)
row("math.accumulate_n", on([f(2, 3), f(2, 3)]), on([f(2), f(2)], shape=[2]), on([f(2), f(3)]), dtypes=NUMBERS)
row("math.polyval", on([f(), f(), f()], f(3)), on([f(2, 1), f(2)], f(2, 2)), on([2.0, 1.0], f(2, 2)), on([], f(2)), dtypes="float32 float64 int32")
row("math.is_non_decreasing math.is_strictly_increasing", on(at([1, 2, 2])), on(at([1, 2, 3])), on(at([])), on(at([[3], [1]])), dtypes=REALS)
row("math.lbeta", on(f(2, 3, low=0.5, high=3.0)), on(f(3, low=0.5)), on(f(0, low=0.5)), on(f(2, 0)), dtypes="float32 float64 float16", rtol=1e-4)
row("identity", on(f(2, 3)), on([1, 2]), on(f(0)), dtypes=EVERY)
row("stop_gradient", on(f(2, 3)), on(f()), dtypes=EVERY)
row("guarantee_const", on(f(2, 3)), on(f(0)), dtypes="float32 int32 string")
row("identity_n shape_n", on([f(2, 3), i(2)]), on([f(1)]), dtypes="float32 float64 bool")
row("raw_ops.PreventGradient", on(input=f(3)), on(input=f(3), message="no"), dtypes="float32")
row("grad_pass_through", on(f(3)), call=lambda tf, x: tf.grad_pass_through(tf.round)(x), slope="straight through")

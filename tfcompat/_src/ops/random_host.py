"""The dense random kernels in NumPy, for numbers wanted once: initial values, made without compiling anything.  And tf.data's shuffle.

Same names after `host_`, same arguments, same bits as in random_kernels.py; `state` is an np.uint64[3].  Initializing a
784 x 256 weight takes 10 ms here, and 60 to 130 ms to trace and compile there.
"""

import math

import numpy as np

from .box_muller import polar32, polar64, reduced_sincosf, turned_sinf, uniform32, uniform64
from .philox import host_advance, host_blocks, host_blocks_at, make_state, swap_halves

"""AutoGraph: Python's control flow over tensors becomes tf.cond, tf.while_loop and loops over datasets while a tf.function is traced.

The syntax tree is rewritten by the library `diastatic-malt` (the optional extra `autograph`), which leaves open what its operators
do; they are here.  Nothing of it is imported before a function that needs it is traced (scan.py).
"""

from . import api  # noqa: F401 - for its declarations

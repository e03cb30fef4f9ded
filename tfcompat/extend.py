"""The small door for people who add an op: declare it here and it has a public function, shapes, gradients and documentation.

    from tfcompat.extend import op, unary, binary, export

    unary("Cube", lambda x: x**3, "my.cube")

    @op("WeightedSum", names="my.weighted_sum")
    def weighted_sum(x, w, *, axis=-1):
        '''x [..., n], w [n] -> [...].'''
        return (x * w).sum(axis)

    cube = unary("Cube2", lambda x: x**3, "")      # or keep the function that is returned

Names appear in a face at once when `refresh()` is called.
"""

from ._src.declare import OPS, binary, export, op, publish, unary

__all__ = ["OPS", "binary", "export", "op", "publish", "refresh", "unary"]


def refresh():
    """Puts newly declared names into the faces that are loaded."""
    import sys

    from ._src import faces

    for name, face in (("tfcompat", "v2"), ("tfcompat.compat.v1", "v1"), ("tfcompat.v1", "v1")):
        if name in sys.modules:
            faces.fill(face, sys.modules[name], name)

"""A contiguous array as one of a single axis: `reshape(-1)`, without compiling the code that works shapes out."""

from numba.core import types
from numba.np.arrayobj import populate_array

from .vector import emitted


@emitted(lambda x: x.reshape(-1))
def flat(typing, x):
    """x's elements, one after the other, in the same memory."""
    kind = types.Array(x.dtype, 1, "C")

    def codegen(context, builder, signature, arguments):
        whole, view = context.make_array(x)(context, builder, arguments[0]), context.make_array(kind)(context, builder)
        populate_array(view, whole.data, [whole.nitems], [whole.itemsize], whole.itemsize, None)
        return view._getvalue()

    return kind(x), codegen

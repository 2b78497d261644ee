"""An output residue modulo the strides (strided dgrad): its pixels among all of an image, as what receives a GEMM."""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from ..simt.index import divmod_u32, mad
from ..toolchain.api import device, intrinsic

u32 = np.uint32
INT64 = ir.IntType(64)


@intrinsic
def view(typing, array, frame):
    """The numbers of a contiguous array in another shape; frame: (shape, strides), uint32, strides in elements."""
    shape, _ = frame
    result = types.Array(array.dtype, len(shape), "A")

    def codegen(context, builder, signature, arguments):
        shape, strides = (cgutils.unpack_tuple(builder, numbers)
                          for numbers in cgutils.unpack_tuple(builder, arguments[1]))
        source = context.make_array(array)(context, builder, arguments[0])
        made = context.make_array(result)(context, builder)
        size = INT64(context.get_abi_sizeof(context.get_data_type(array.dtype)))
        context.populate_array(made, data=source.data, shape=[builder.zext(number, INT64) for number in shape],
                               strides=[builder.mul(builder.zext(number, INT64), size) for number in strides],
                               itemsize=size, meminfo=source.meminfo, parent=source.parent)
        return made._getvalue()

    return result(array, frame), codegen


@device
def residue_of(y, d, h, w):
    """(frame, offset) of the pixels of y (n, depth, height, width, channels) in a residue with these axes."""
    channels = u32(y.shape[4])
    row = u32(u32(y.shape[3]) * channels)
    plane = u32(u32(y.shape[2]) * row)
    shape = u32(y.shape[0]), d.count, h.count, w.count, channels
    strides = u32(u32(y.shape[1]) * plane), u32(d.step * plane), u32(h.step * row), u32(w.step * channels), u32(1)
    return (shape, strides), mad(d.start, plane, mad(h.start, row, u32(w.start * channels)))


@device
def residue_output(result):
    """(array, offset) of a result given as (view of a residue's pixels, offset)."""
    return result


@device
def pixel_offset(y, i):
    """Offset of pixel i of a view."""
    line, w = divmod_u32(i, u32(y.shape[3]))
    plane, h = divmod_u32(line, u32(y.shape[2]))
    n, d = divmod_u32(plane, u32(y.shape[1]))
    return mad(w, _stride(y, 3), mad(h, _stride(y, 2), mad(d, _stride(y, 1), u32(n * _stride(y, 0)))))


@device
def _stride(y, axis):
    return u32(y.strides[axis] // y.itemsize)

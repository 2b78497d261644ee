"""Kernels that do the same for each sample: on part of the arrays they compute the same bits of part of the samples."""

from .math.tables import LIMITED_MEAN_LOSSES, MEAN_LOSSES, SLOPES, UNARY

_ALONE = [*UNARY, "round_forward", "floor_forward", "ceil_forward", "relu_forward", "elu_forward", "clip_forward",
          *SLOPES, "relu_backward", "elu_backward", "clip_backward", "cast",
          *(f"{loss}_{way}" for loss in (*MEAN_LOSSES, *LIMITED_MEAN_LOSSES, "categorical_crossentropy",
                                         "sparse_categorical_crossentropy") for way in ("forward", "backward")),
          *(f"{name}_{way}" for name in ("softmax", "log_softmax") for way in ("forward", "backward")),
          "max_pool_forward", "max_pool_backward", "max_pool_gather", "sum_pool_forward", "sum_pool_backward",
          "interpolate_forward", "interpolate_backward", "batch_matmul_nn", "batch_matmul_nt", "batch_matmul_tn"]
# Name of a kernel -> names of the arrays that all samples share; the others begin with samples, as many elements of the
# first axis for each.
SHARED = dict.fromkeys(_ALONE, ()) | {
    "dense_forward": ("weight", "bias"), "matmul_nn": ("b",), "matmul_nt": ("b",),
    "convolve": ("weight", "bias", "plan"), "convolve_small_c_out": ("weight", "bias", "plan"),
    "depthwise": ("weight", "bias", "plan"), "winograd_convolve": ("u", "bias"),
}

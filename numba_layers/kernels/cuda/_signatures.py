"""With which types each kernel of the room is compiled ahead, as tests/kernels/record_signatures.py records them."""

SIGNATURES = {
    "depthwise": "float32[4] float32[3] float32[1] int64[3] int64 float32[4]",
    "depthwise_backward_weight": "float32[4] float32[4] int64[3] float32[4]",
    "interpolate_backward": "float32[3] int64 float32[3]",
    "interpolate_forward": "float32[3] int64 float32[3]",
    "max_pool_backward": "float32[5] int32[5] int64*3 int64*3 int64*3 float32[5]",
    "max_pool_forward": "float32[5] int64*3 int64*3 int64*3 float32[5] int32[5]",
    "max_pool_gather": "float32[5] int32[5] int64*3 int64*3 int64*3 float32[5]",
    "sum_pool_backward": "float32[5] float32 int64*3 int64*3 int64*3 float32[5]",
    "sum_pool_forward": "float32[5] float32 int64*3 int64*3 int64*3 float32[5]",
}

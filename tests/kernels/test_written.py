"""Which arguments the CUDA kernels write to, by their PTX: so graphs know which launches wait for which."""

import pytest

pytest.importorskip("numba_cuda")

from numba_layers.devices._prepared import Prepared, formatted  # noqa: E402
from numba_layers.kernels.cuda.toolchain import resources  # noqa: E402

CAPABILITY = 8, 0
KERNELS = {name.partition("[")[0]: pair for name, *pair in reversed(list(resources.kernels()))}   # each in one form
QUICK = "dense_forward", "adam_update", "max_pool_forward", "next_key"
MORE = {    # that write to more than their last argument
    "next_key": ["stream", "key"], "max_pool_forward": ["y", "taps"],
    "adam_amsgrad_update": ["slot_1", "slot_2", "slot_3", "weights"],
    "nadam_rates": ["products", "iterations", "rates"],
    "combine_moments": ["mean", "variance"], "normalize_slopes": ["slopes", "grad_gamma", "grad_beta"],
    "layer_normalize_forward": ["mean", "inverse", "y"],
    "simple_rnn_forward": ["outputs", "h_last", "h_before", "states"],
    "simple_rnn_backward": ["grad_z", "grad_h0", "states"],
    "gru_forward": ["outputs", "h_last", "h_before", "h_reset", "gates", "states"],
    "gru_backward": ["grad_z", "grad_h0", "states"],
    "gru_reset_after_forward": ["outputs", "h_last", "h_before", "gates", "states"],
    "gru_reset_after_backward": ["grad_z", "grad_sums", "grad_h0", "states"],
    "lstm_forward": ["outputs", "h_last", "c_last", "h_before", "gates", "cells", "states"],
    "lstm_backward": ["grad_z", "grad_h0", "grad_c0", "states"],
    **dict.fromkeys([f"{name}_update" for name in ("adadelta", "adam", "adamax", "nadam")],
                    ["slot_1", "slot_2", "weights"]),
    **dict.fromkeys(["adagrad_update", "rmsprop_update", "sgd_momentum_update", "sgd_nesterov_update"],
                    ["slot", "weights"]),
    **dict.fromkeys([f"{name}_rates" for name in ("adadelta", "adagrad", "adam", "adamax", "rmsprop", "sgd")],
                    ["iterations", "rates"])}


@pytest.mark.parametrize("name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
                                  for name in KERNELS])
def test_what_is_written_is_known_exactly(name):
    kernel, signature = KERNELS[name]
    prepared = Prepared(None, None, kernel, signature, CAPABILITY)
    assert prepared.starts[-1] == sum(len(formatted(kind)) for kind in signature)
    found = [kernel.parameters[number] for number in sorted(prepared.written)]
    assert found == MORE.get(name, [kernel.parameters[len(signature) - 1]])

"""Matrix multiply beside NumPy's BLAS, float32 or float64, in GFLOP/s.

    python benchmarks/matmul.py [--dtype float64] [--threads 2] [--rounds 40]

Both run in this process, in turn, a few milliseconds each, with a pause for NumPy's threads to fall asleep
(they spin after a product and would take our cores). Compile time is apart: each form is called once before.
Of all rounds the table shows the fastest and the median; the ratios are ours to NumPy's.
"""

import argparse
import os
import time

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--dtype", default="float32", choices=["float32", "float64"])
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--rounds", type=int, default=40)
options = arguments.parse_args()

for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):   # made for old builds, they slow down today's
    os.environ.pop(variable, None)
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = str(options.threads)

import numba  # noqa: E402
import numpy as np  # noqa: E402

from numba_layers.registry import kernel  # noqa: E402

SHAPES = [("nn", size, size, size) for size in (256, 512, 1024, 2048)] + [   # form, m, k, n
    ("nn", 128, 784, 512), ("nn", 128, 512, 512), ("nn", 32, 128, 512), ("nn", 128, 512, 10),
    ("nt", 128, 512, 784), ("tn", 784, 128, 512),    # the gradients of 128, 784, 512: input and weight
    ("nt", 128, 512, 512), ("tn", 512, 128, 512),
]


def seconds_per_call(function, calls):
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def measure(form, m, k, n):
    """Seconds a call of each round: (ours, NumPy's)."""
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(shape).astype(options.dtype) for shape in ((m, k), (k, n)))
    laid_a, laid_b = (np.ascontiguousarray(x.T if t == "t" else x) for x, t in zip((a, b), form))
    a, b = (x.T if t == "t" else x for x, t in zip((laid_a, laid_b), form))
    y, desired = np.empty((m, n), options.dtype), np.empty((m, n), options.dtype)
    multiply = kernel(f"matmul_{form}", "cpu")

    multiply(laid_a, laid_b, y)
    np.matmul(a, b, out=desired)
    np.testing.assert_allclose(y, desired, rtol=1e-3, atol=1e-3)
    calls = max(1, int(5e8 / (2 * m * k * n)))
    rounds = []
    for _ in range(options.rounds):
        time.sleep(0.2)
        ours = seconds_per_call(lambda: multiply(laid_a, laid_b, y), calls)
        rounds.append((ours, seconds_per_call(lambda: np.matmul(a, b, out=desired), calls)))
    return np.array(rounds).T


def describe_blas():
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "its BLAS unknown (pip install threadpoolctl)"
    return "; ".join(
        f"{info['internal_api']} {info['version']}, {info.get('architecture')}, {info['num_threads']} threads"
        for info in threadpool_info() if info["user_api"] == "blas")


if __name__ == "__main__":
    small = np.zeros((1, 1), options.dtype)
    for form in ("nn", "nt", "tn"):
        start = time.perf_counter()
        kernel(f"matmul_{form}", "cpu")(small, small, small.copy())
        print(f"matmul_{form}: first call {time.perf_counter() - start:.2f} s")
    print(f"NumPy {np.__version__}, {describe_blas()}; Numba {numba.__version__}, {numba.threading_layer()}, "
          f"{numba.get_num_threads()} threads; {options.dtype}")
    print(f"{'':4}{'m':>5}{'k':>5}{'n':>5}   {'fastest: ours':>14}{'numpy':>7}{'ratio':>7}"
          f"   {'median: ours':>14}{'numpy':>7}{'ratio':>7}")
    for form, m, k, n in SHAPES:
        times = measure(form, m, k, n)
        line = f"{form:4}{m:5}{k:5}{n:5}   "
        for statistic in (np.min, np.median):
            ours, theirs = 2e-9 * m * k * n / statistic(times, axis=1)
            line += f"{ours:14.0f}{theirs:7.0f}{ours / theirs:7.2f}   "
        print(line, flush=True)

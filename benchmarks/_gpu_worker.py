"""The process in which `gpu.py` measures. It prints a line of JSON for what it begins and for what it has found.

    python benchmarks/_gpu_worker.py DEVICE full|tiny TASK [TASK ...]

All of a race run here, in turn. A turn is wall time: from a GPU at rest, as many calls as fill about TURN seconds,
until the GPU is at rest again. `host` is the part of it in which Python asked for the calls, without waiting.
"""

import gc
import json
import sys
import time

import numpy as np

TURN, ROUNDS, MOST_CALLS = 0.01, 25, 200    # seconds of a turn, about; turns of each; calls in one
MARK = "gpu.py: "


def main(device, size, *names):
    import _gpu_tasks

    from numba_layers import devices, set_device
    from numba_layers.errors import DeviceError

    try:
        set_device(device)
    except DeviceError as error:
        sys.exit(f"gpu.py: {error}")
    torch, about = peer(device)
    setting = _gpu_tasks.Setting(torch, "cuda" if device == "cuda" else "cpu", size == "tiny")
    tell(about=about)

    def wait():
        devices.current().synchronize()
        if torch and device == "cuda":
            torch.cuda.synchronize()

    tasks = _gpu_tasks.tasks(size == "tiny")
    for name in names:
        tell(begin=name)
        try:
            for one in tasks[name](setting):
                tell(row=row(one, *race([one.ours, *one.theirs.values()], wait, many=device == "cuda"),
                             judged=device == "cuda"))
        except Exception as error:
            tell(row={"name": name, "error": f"{type(error).__name__}: {error}"})
        tell(end=name)
        wait()      # a GPU that is lost fails here, which ends this process
        gc.collect()    # arrays of this task on the GPU
        if torch and device == "cuda":
            torch.cuda.empty_cache()


def tell(**what):
    print(MARK + json.dumps(what), flush=True)


def peer(device):
    """PyTorch and what it says of itself; None where it cannot be the peer."""
    if device == "emulated":
        return None, "no peer on the emulated GPU"
    try:
        import torch
    except ImportError as error:
        return None, f"no peer: {error}"
    if device == "cpu":
        return torch, f"PyTorch {torch.__version__}"
    if not torch.cuda.is_available():
        return None, f"no peer: PyTorch {torch.__version__} finds no GPU"
    return torch, (f"PyTorch {torch.__version__}, its CUDA {torch.version.cuda}, cuDNN "
                   f"{torch.backends.cudnn.version()}")


def race(contenders, wait, many):
    """(median seconds of a call, the same of asking for it), of each contender; not `many`: of a single call."""
    if not many:
        return np.array([turn(contender, 1, wait) for contender in contenders]).T
    calls = []
    for contender in contenders:
        turn(contender, 2, wait)
        calls.append(int(np.clip(TURN / turn(contender, 3, wait)[0], 1, MOST_CALLS)))
    rounds = [[turn(*pair, wait) for pair in zip(contenders, calls)] for _ in range(ROUNDS)]
    return np.median(rounds, axis=0).T


def turn(contender, calls, wait):
    """Seconds a call, and seconds a call until all were asked for."""
    wait()
    start = time.perf_counter()
    for _ in range(calls):
        contender()
    asked = time.perf_counter()
    wait()
    return (time.perf_counter() - start) / calls, (asked - start) / calls


def row(race, seconds, host, judged):
    """A line of the table, of a race and what was measured; `judged`: by its bar."""
    seconds, host = seconds / race.steps, host / race.steps
    found = {"name": race.name, "ours_ms": 1e3 * seconds[0], "host_ms": 1e3 * host[0]}
    if race.theirs:
        best = int(np.argmin(seconds[1:]))
        found |= {"peer": list(race.theirs)[best], "peer_ms": 1e3 * seconds[1 + best],
                  "peers_ms": {name: 1e3 * each for name, each in zip(race.theirs, seconds[1:])},
                  "ratio": seconds[1 + best] / seconds[0]}
    if race.bar:
        found["bar"] = race.bar
        if race.theirs and judged:
            found["passed"] = bool(found["ratio"] >= race.bar)
    if race.most:
        found["most_ms"] = 1e3 * race.most
        if judged:
            found["passed"] = bool(seconds[0] <= race.most)
    if race.bytes:
        found["gb_s"] = race.bytes / seconds[0] / 1e9
    if race.operations:
        found["tflop_s"] = race.operations / seconds[0] / 1e12
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The GPU beside PyTorch on the same GPU: elementwise kernels, products, convolutions and steps of training.

    pip install ".[cuda13,bench]" && python benchmarks/gpu.py [--json FILE] [--only mnist,product]

One table, in less than eight minutes. `ours` and `peer` are medians of 25 turns of about 10 ms each, both in one
process, turn about: wall time from a GPU at rest, through as many calls as fill a turn, to a GPU at rest. `ratio` is
the peer's time over ours, `bar` what it should reach at least. `host` is how long Python takes to ask for a call: where
it is as long as `ours`, the GPU waits for Python. Kernels are compiled, and results compared, before the clock starts.

The peer of elementwise kernels and softmax is PyTorch's copy, on the GPU, of as many bytes; of all else PyTorch doing
the same, eager, with channels first or last, whichever is faster. Precision is the same on both sides: float32 without
TF32, or TF32 where a line says so; we compute convolutions directly, or by Winograd's algorithm where a line says so,
cuDNN as it likes: it tries its algorithms beforehand (`cudnn.benchmark`). In a `step` the batch lies on the GPU and
neither side reads the loss; in a `step, fed and read` it comes from the host and both read the loss. In `fit` we gather
batches and keep figures, PyTorch steps on one batch that lies on the GPU; our time has a bar. Operations of
convolutions are counted as the direct algorithm has them, three times for forward and back.

What fails says so in its line, and the rest goes on, in a new process if the GPU is lost.

    python benchmarks/gpu.py --device emulated --tiny     # tries the script without a GPU; its times mean nothing
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

MARK = "gpu.py: "       # of the lines that a worker means for this script
LIMIT = 120             # seconds of one task
WORKER = [sys.executable, str(Path(__file__).with_name("_gpu_worker.py"))]
COLUMNS = {"ours_ms": ("ours ms", "{:.4g}"), "peer_ms": ("peer ms", "{:.4g}"), "ratio": ("ratio", "{:.2f}"),
           "bar": ("bar", "{:.1f}"), "gb_s": ("GB/s", "{:.0f}"), "tflop_s": ("TFLOP/s", "{:.1f}"),
           "host_ms": ("host ms", "{:.4g}")}


def reports(command, names, budget, limit=LIMIT):
    """What workers (`command` and names of tasks) report of all `names`, within `budget` seconds.

    Yields {"about": words} or {"row": line of the table}. A worker that dies, or takes more than `limit` seconds for a
    task, costs this task a line with the error, and the next worker goes on behind it.
    """
    end = time.monotonic() + budget
    left = list(names)
    while left:
        begun, silent = None, True     # silent: no task was begun
        with subprocess.Popen([*command, *left], stdout=subprocess.PIPE, text=True) as worker:
            clock = _Clock(worker, min(limit, end - time.monotonic()))
            for line in worker.stdout:
                if not line.startswith(MARK):
                    print(line, end="", file=sys.stderr)
                    continue
                told = json.loads(line.removeprefix(MARK))
                if "begin" in told:
                    begun, silent = told["begin"], False
                    left.remove(begun)
                    clock.restart(min(limit, end - time.monotonic()))
                elif "end" in told:
                    begun = None
                else:
                    yield told
            clock.stop()
        if begun and not clock.over:
            yield {"row": {"name": begun, "error": f"the process ended ({worker.returncode})"}}
        elif begun:
            yield {"row": {"name": begun, "error": "took too long" if time.monotonic() < end else "out of time"}}
        if silent or time.monotonic() >= end:   # no worker can start, or no time is left
            reason = "not measured: " + ("out of time" if time.monotonic() >= end else "no process can start")
            yield from ({"row": {"name": name, "error": reason}} for name in left)
            return


class _Clock:
    """Ends a process after some seconds, unless it is stopped or started again before."""

    def __init__(self, process, seconds):
        self._process, self.over = process, False
        self._start(seconds)

    def _start(self, seconds):
        self._timer = threading.Timer(max(0, seconds), self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self):
        self.over = True
        self._process.kill()

    def restart(self, seconds):
        self.stop()
        self._start(seconds)

    def stop(self):
        self._timer.cancel()


def line(row):
    """A row as a line of the table."""
    if "error" in row:
        return f"{row['name']:46}  {row['error'] if len(row['error']) < 100 else row['error'][:97] + '...'}"
    cells = [form.format(row[key]) if key in row else "" for key, (_, form) in COLUMNS.items()]
    verdict = "" if row.get("passed", True) else (
        f"  over {row['most_ms']:.4g} ms" if "most_ms" in row else "  below its bar")
    return f"{row['name']:46}" + "".join(f"{cell:>10}" for cell in cells) + verdict


def machine():
    """GPU, driver and versions, in lines."""
    asked = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit",
             "--format=csv,noheader"]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        found = ""
    yield f"GPU, driver, memory, clock, power: {found or 'none that nvidia-smi knows'}"
    packages = "numba_layers", "numba-cuda", "cuda-bindings", "numba", "numpy", "torch"
    yield f"Python {sys.version.partition(' ')[0]}, " + ", ".join(map(_versioned, packages))


def _versioned(package):
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} missing"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the table to a file as well")
    parser.add_argument("--only", default="", metavar="WORDS", help="lines with one of these words, commas between")
    parser.add_argument("--budget", type=float, default=480, metavar="SECONDS", help="for all (default: 480)")
    parser.add_argument("--device", default="cuda", choices=["cuda", "emulated", "cpu"],
                        help="the others only try the script")
    parser.add_argument("--tiny", action="store_true", help="small shapes, to try the script")
    options = parser.parse_args(arguments)
    from _gpu_tasks import tasks

    start = time.monotonic()
    names = [name for name in tasks(options.tiny) if any(word in name for word in options.only.split(","))]
    if not names:
        parser.error(f"--only: {options.only!r} is in none of: {'; '.join(tasks(options.tiny))}")
    table = {"device": options.device, "tiny": options.tiny, "about": list(machine()), "rows": []}
    print("\n".join(table["about"]), flush=True)
    head = f"\n{'':46}" + "".join(f"{title:>10}" for title, _ in COLUMNS.values())
    command = [*WORKER, options.device, "tiny" if options.tiny else "full"]
    for told in reports(command, names, options.budget):
        if "about" in told:
            if told["about"] not in table["about"]:
                table["about"].append(told["about"])
                print(told["about"] + "\n" + head, flush=True)
        else:
            table["rows"].append(told["row"])
            print(line(told["row"]), flush=True)
        if options.json:
            Path(options.json).write_text(json.dumps(table, indent=1), encoding="utf-8")
    rows = table["rows"]
    judged, failed = [row["passed"] for row in rows if "passed" in row], sum("error" in row for row in rows)
    print(f"\n{len(rows)} lines in {time.monotonic() - start:.0f} s: {sum(judged)} of {len(judged)} reach their bars, "
          f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

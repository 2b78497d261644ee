"""The command line: what each command prints, and its exit status."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from numba_layers import __version__, activations, cli, demo, devices, registry
from numba_layers.errors import DeviceError
from numba_layers.kernels import cache, level, store
from numba_layers.layers import Dense
from numba_layers.models import Sequential, load_model
from tests.threads import on_one_and_all


def lines(capsys, *arguments):
    """What a command prints, line by line; it must end well."""
    assert cli.main(list(arguments)) == 0
    return capsys.readouterr().out.splitlines()


def refused(capsys, *arguments):
    """The one line of error that a command prints, with exit status 2."""
    assert cli.main(list(arguments)) == 2
    [line] = capsys.readouterr().err.splitlines()
    return line


def test_as_a_process():
    ended = subprocess.run([sys.executable, "-m", "numba_layers", "kernels", "Denze"], capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert "'Denze'" in line and "Did you mean 'Dense'?" in line


@pytest.mark.parametrize("arguments, status", [(["--help"], 0), ([], 2), (["kernel"], 2)])
def test_usage_names_the_commands(arguments, status, capsys):
    try:
        assert cli.main(arguments) == status
    except SystemExit as done:
        assert done.code == status
    shown = capsys.readouterr()
    for command in ("demo", "kernels", "run", "warm", "profile", "cache", "info"):
        assert command in (shown.err if status else shown.out)


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"numba_layers {__version__}\n"


# -- profile -------------------------------------------------------------------------------------------------------

def test_profile(capsys, tmp_path):
    model = Sequential([Dense(4, input_shape=(3,), name="first"), Dense(2, name="last")])
    model.save(tmp_path / "model.h5")
    title, totals, *tables = lines(capsys, "profile", str(tmp_path / "model.h5"), "--batch-size", "5")
    assert "predict, 5 samples" in title and totals.startswith("2 launches: ")
    assert [line.split()[:2] for line in tables] == [[], ["kernel", "launches"], ["dense_forward", "2"], [],
                                                     ["layer", "launches"], *sorted([["first", "1"], ["last", "1"]],
                                                     key=lambda row: tables[5].split()[0] != row[0])]
    shown = lines(capsys, "profile", str(tmp_path / "model.h5"), "--train", "--launches", "--optimizer", "adam")
    assert "train, 32 samples" in shown[0] and shown[1].split() == ["#", "kernel", "layer", "form", "us", "arguments"]
    assert any("adam_update" in line and "gradients [26]" in line for line in shown)
    assert "batch-size" in refused(capsys, "profile", str(tmp_path / "model.h5"), "--batch-size", "0")


# -- kernels -------------------------------------------------------------------------------------------------------

def block(shown, heading):
    """The lines below a heading up to the next empty one: for each kernel its direction and the line's cells."""
    start = next(number for number, line in enumerate(shown) if line.startswith(heading))
    found, direction = {}, None
    for line in shown[start + 1:]:
        if not line:
            break
        if line.split()[0] in ("forward", "backward"):
            direction, *columns = line.split()
        elif not line.strip().startswith("no other kernel"):
            kernel, *cells = re.split(r"  +", line.strip())
            found[direction, kernel] = dict(zip(columns, cells))
    return found


def test_kernels(capsys):
    shown = lines(capsys, "kernels")
    headings = {line.partition("(")[0] for line in shown[3:] if line and not line.startswith(" ")}
    assert {"Dense", "Dropout", "Flatten", "Masking", "Conv3DTranspose", "AtrousConvolution1D"} <= headings
    assert max(len(line) for line in shown) < 280


@pytest.mark.parametrize("layer, heading, kernels", [
    ("Dense", "Dense(units=4), input (2, 6)", [
        ("forward", "dense_forward", None), ("forward", "softsign_forward", "activation='softsign'"),
        ("backward", "matmul_nt", None), ("backward", "relu_backward", "activation='relu'")]),
    ("Activation", "Activation(activation='linear'), input", [
        ("forward", "hard_sigmoid_forward", "activation='hard_sigmoid'"),
        ("backward", "log_softmax_backward", "activation='log_softmax'"), ("forward", "convolve", "-"),
        ("backward", "elu_backward", "activation='elu'")]),
    ("Conv2D", "Conv2D(filters=16, kernel_size=5), input (2, 11, 11, 16)", [
        ("forward", "convolve", None), ("forward", "dense_forward", "kernel_size=1"),
        ("backward", "convolve_backward_weight", None), ("backward", "relu_backward", "activation='relu'")])])
def test_kernels_of_a_layer(layer, heading, kernels, capsys):
    shown = lines(capsys, "kernels", layer)
    assert "dry run" in shown[0]
    [told] = [line for line in shown[3:] if line and not line.startswith(" ")]
    assert told.startswith(heading)
    found = block(shown, heading)
    for direction, kernel, when in kernels:
        if when == "-":
            assert (direction, kernel) not in found
            continue
        cells = found[direction, kernel]
        assert cells.get("when") == when
        for target in ("cpu", "cuda"):
            file, line = cells[target].split(":")
            assert int(line) > 0 and next(Path(cli.__file__).parent.glob(f"kernels/{target}/{file}")).is_file()


def test_every_activation_is_traced(capsys):
    text = "\n".join(lines(capsys, "kernels", "Dense"))
    same = {"leaky_relu", "relu6", "silu"}      # kernels as others
    for name in set(activations._catalogue.things) - {"linear"} - same:
        assert f"activation='{name}'" in text


def test_kernels_of_a_model(capsys, tmp_path):
    Sequential([Dense(4, activation="tanh", input_shape=(3,), name="hidden"), Dense(2, name="last")]).save(
        tmp_path / "model.h5")
    shown = lines(capsys, "kernels", str(tmp_path / "model.h5"))
    hidden, last = block(shown, 'hidden: Dense, input (32, 3)'), block(shown, 'last: Dense, input (32, 4)')
    assert hidden.keys() - last.keys() == {("forward", "tanh_forward"), ("backward", "tanh_backward")}
    assert ("forward", "dense_forward") in last


@pytest.mark.slow
def test_what_kernels_take_of_a_gpu(capsys):
    pytest.importorskip("numba_cuda")
    head, *rows = lines(capsys, "kernels", "UpSampling1D", "--cuda", "--arch", "sm_80", "--arch", "sm_120")
    assert head.split() == ["kernel", "sm_80", "sm_120"]
    assert {"sum_pool_backward", "sum_pool_forward"} == {row.split()[0] for row in rows}
    assert all(0 < int(cell.partition("+")[0]) < 256 for row in rows for cell in row.split()[1:])


def test_unknown_architecture(capsys):
    assert "Did you mean 'sm_90a'?" in refused(capsys, "kernels", "--cuda", "--arch", "sm_90")


def test_unknown_layer(capsys):
    assert "Did you mean 'Dense'?" in refused(capsys, "kernels", "Denze")


# -- cache ---------------------------------------------------------------------------------------------------------

def test_cache(capsys, tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", str(folder))
    assert lines(capsys, "cache") == [f"{folder}: 0 kernels, 0.0 MB"]
    folder.mkdir()
    (folder / "one.kernel").write_bytes(b"x" * 1_500_000)
    (folder / "half.part").write_bytes(b"x")
    (folder / "unpacking.part").mkdir()
    (folder / "unpacking.part" / "one.kernel").write_bytes(b"x")
    assert lines(capsys, "cache") == [
        f"{folder}: 1 kernels, 1.5 MB",
        "  of no use here     1 kernels, 1.5 MB, of other versions or sources: --prune deletes them"]
    assert lines(capsys, "cache", "--clear") == [f"deleted 1 kernels from {folder}"]
    assert not folder.exists()


def kept(folder, name, **about):
    """A file of a cache that says of itself what a usable kernel of Numba says, and `about`; its contents are none."""
    about = {"kernel": name, "target": "cpu", "level": "x86-64-v3", "versions": cache.versions()} | about
    file = folder / store.name_of(name, cache.digest(about))
    store.save(file, b"", about)
    return file


def test_cache_by_levels(capsys, tmp_path, monkeypatch):
    """What other versions or other sources made is of no use here; a kernel of someone's own may be."""
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", str(tmp_path))
    made_of = next(iter(registry.kernel("tanh_forward", "cpu").made_of()))
    useful = [kept(tmp_path, "tanh_forward", made_of=made_of), kept(tmp_path, "of_the_user", level="x86-64-v2"),
              kept(tmp_path, "of_the_user", level="host", cpu="znver3"), kept(tmp_path, "of_the_user", cpu="x86-64-v3")]
    kept(tmp_path, "tanh_forward", made_of="older")
    kept(tmp_path, "of_the_user", versions=cache.versions() | {"numba": "0.1"})
    kept(tmp_path, "of_the_user", versions=cache.versions() | {"cuda-core": "0.1"})
    kept(tmp_path, "of_the_user", versions=None)
    head, *shown, last = lines(capsys, "cache")
    assert head == f"{tmp_path}: 8 kernels, 0.0 MB"
    assert [line.split() for line in shown] == [f"{title} {count} kernels, 0.0 MB".split() for title, count in (
        ("host (znver3)", 1), ("x86-64-v2", 1), ("x86-64-v3", 2))]
    assert last == "  of no use here     4 kernels, 0.0 MB, of other versions or sources: --prune deletes them"
    assert lines(capsys, "cache", "--prune") == [f"deleted 4 kernels, 0.0 MB from {tmp_path}"]
    assert sorted(tmp_path.iterdir()) == sorted(useful)
    assert len(lines(capsys, "cache")) == 4


def test_cache_there_and_back(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", str(tmp_path / "one"))
    file = kept(tmp_path / "one", "of_the_user", level=level.NAME)
    packed = str(tmp_path / "kernels.pack")
    assert lines(capsys, "cache", "pack", packed) == [f"1 kernels packed in {packed}"]
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", str(tmp_path / "other"))
    assert lines(capsys, "cache", "unpack", packed) == [f"1 kernels unpacked to {tmp_path / 'other'}"]
    assert [found.name for found in (tmp_path / "other").iterdir()] == [file.name]
    assert "is damaged" in refused(capsys, "cache", "unpack", str(file))
    assert "has no kernels for armv8" in refused(capsys, "cache", "pack", packed, "--level", "armv8")
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", "")
    assert "the cache is off" in refused(capsys, "cache", "unpack", packed)


def test_clearing_the_cache_spares_what_is_not_its_own(capsys, tmp_path, monkeypatch):
    """A variable set to the wrong folder costs nobody their files."""
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", str(tmp_path))
    (tmp_path / "thesis.tex").write_text("years of work")
    (tmp_path / "thesis.ptx").write_text("a kernel of it")
    (tmp_path / "one.kernel").write_bytes(b"x")
    assert lines(capsys, "cache", "--clear") == [f"deleted 1 kernels from {tmp_path}"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["thesis.ptx", "thesis.tex"]


def test_cache_that_is_off(capsys, monkeypatch):
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", "")
    assert lines(capsys, "cache") == ["the cache is off (NUMBA_LAYERS_CACHE_DIR is empty)"]


def test_info(capsys):
    text = "\n".join(lines(capsys, "info"))
    for words in (f"numba_layers {__version__}", "Python 3.", "numpy ", "threads: ", "processor: ", "kernel cache: ",
                  f"; kernels for {level.title()}: "):
        assert words in text


def test_info_without_a_gpu(capsys, monkeypatch):
    """Each thing that is missing is a line with its cure."""
    from numba_layers.devices import _driver

    def opened():
        raise DeviceError("there is none. Buy one.")

    monkeypatch.setattr(_driver, "opened", opened)
    monkeypatch.delitem(devices._opened, "cuda", raising=False)
    shown = lines(capsys, "info")
    assert "GPU: there is none. Buy one." in shown
    assert [line for line in shown if line.startswith("GPU packages: ")]
    if importlib.util.find_spec("numba_cuda"):
        assert shown[-1] == "kernels on emulated: right"


def test_info_without_the_packages_of_gpus(capsys, monkeypatch):
    from numba_layers.devices import report

    monkeypatch.setitem(sys.modules, "numba_cuda", None)
    monkeypatch.setattr(report, "PACKAGES", ())
    *_, packages, gpu = lines(capsys, "info")
    assert packages == "GPU packages: none"
    assert gpu.startswith("GPU: ") and "pip install numba_layers[cuda12] (driver 525 or newer)" in gpu


# -- run -----------------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
import numpy as np
from keras.layers.core import Dense
from keras.models import Sequential
import helper
model = Sequential()
model.add(Dense(2, input_dim=3))
model.compile("sgd", "mse")
model.fit(np.ones((4, 3)), np.ones((4, 2)), nb_epoch=1, verbose=0)
print(model.predict(np.ones((1, 3))).shape, sys.argv[1:], helper.word, __name__)
"""


def test_run(capsys, tmp_path):
    (tmp_path / "helper.py").write_text("word = 'beside'")
    (tmp_path / "script.py").write_text(SCRIPT)
    ended = subprocess.run([sys.executable, "-m", "numba_layers", "run", tmp_path / "script.py", "--epochs", "3"],
                           capture_output=True, text=True)
    assert ended.stdout == "(1, 2) ['--epochs', '3'] beside __main__\n", ended.stderr
    assert "absent.py'" in refused(capsys, "run", str(tmp_path / "absent.py"))


def test_run_under_the_rules_of_a_version(tmp_path):
    """The script's words choose, `--keras` counts more; Keras 1's images have their channels first."""
    script = tmp_path / "script.py"
    for text, options, wanted in (("", [], "2.2.5 tf"), ("m.fit(nb_epoch=2)", [], "1.2.2 th"),
                                  ("m.fit(epochs=2)", ["--keras", "1.1"], "1.1 th"),
                                  ("m.fit(nb_epoch=2)", ["--keras", "2.1.0"], "2.1.0 tf")):
        script.write_text("import keras as k\nfrom keras import backend as B\n"
                          f"print(k.__version__, B.image_dim_ordering())\nif 0: {text or 1}")
        ended = subprocess.run([sys.executable, "-m", "numba_layers", "run", *options, script], capture_output=True,
                               text=True)
        assert ended.stdout == wanted + "\n", ended.stderr


# -- demo ----------------------------------------------------------------------------------------------------------

def test_demo(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    shown = lines(capsys, "demo", "--epochs", "3", "--quiet", "--folder", str(tmp_path / "new"))
    folder = (tmp_path / "new").resolve()
    assert shown[0] == 'Model: "digits"'
    table = shown.index("true | predicted")
    assert [row.split()[0] for row in shown[table + 2:table + 12]] == list("0123456789")
    assert sum(int(count) for row in shown[table + 2:table + 12] for count in row.split()[2:] if count != ".") == 360
    assert shown[-3] == f"model saved to {folder / 'digits.h5'}"
    assert shown[-2] == f"learning curves saved to {folder / 'digits.png'}"
    assert shown[-1].startswith("test accuracy: 0.9")
    assert (folder / "digits.png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(file.name for file in folder.iterdir()) == ["digits.h5", "digits.png"]


def test_demo_without_matplotlib(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    shown = lines(capsys, "demo", "--epochs", "1", "--quiet", "--folder", str(tmp_path))
    assert shown[-2] == "no picture of the learning curves: pip install numba_layers[plot]"
    assert [file.name for file in tmp_path.iterdir()] == ["digits.h5"]


def test_demo_that_cannot_be(capsys, tmp_path):
    assert "epochs must be a whole number of at least 1, got 0" in refused(capsys, "demo", "--epochs", "0")
    (tmp_path / "file").write_text("")
    assert "none can be made" in refused(capsys, "demo", "--folder", str(tmp_path / "file"))


@pytest.mark.slow
def test_full_demo_reads_well_with_any_number_of_threads(capsys, tmp_path):
    def trained():
        return demo.run(folder=tmp_path, verbose=0), load_model(tmp_path / demo.MODEL_FILE).get_weights()

    (accuracy, weights), (same_accuracy, same_weights) = on_one_and_all(trained)
    assert accuracy == same_accuracy >= 0.985
    for array, same in zip(weights, same_weights, strict=True):
        np.testing.assert_array_equal(array, same)


def test_demo_moves_digits_by_half_a_pixel():
    dot = np.zeros((1, 8, 8), np.uint8)
    dot[0, 3, 7] = 16
    still, down, up, right, left = demo.shifted(dot)
    np.testing.assert_array_equal(still, dot[0])
    inked = {(3, 7), (4, 7)}, {(2, 7), (3, 7)}, {(3, 7)}, {(3, 6), (3, 7)}
    for image, places in zip((down, up, right, left), inked):
        assert set(zip(*np.nonzero(image))) == places
        assert all(image[place] == 8 for place in places)


@pytest.mark.slow
def test_warm_without_a_model(capsys, monkeypatch):
    """It compiles every kernel, and what layers, losses and optimizers launch with other types than recorded."""
    wanted = []
    monkeypatch.setattr(registry, "compile_ahead", lambda some, verbose=1: wanted.extend(some) or 7)
    [line] = lines(capsys, "warm")
    assert re.match(r"7 kernels compiled in \d+\.\d s; all that float32 models need are in ", line)
    assert {name for name, _ in wanted} == set(registry.kernels("cpu"))
    assert len({str(types) for name, types in wanted if name == "equal_forward"}) > 1
    assert "float64" not in str([types for name, types in registry.recorded() if not name.endswith("_rates")])


def test_warm_for_another_level(monkeypatch, tmp_path):
    """In a process that compiles for it from the start."""
    started = []

    def run(command, env):
        started.append((command[1:], env["NUMBA_CPU_NAME"], env["NUMBA_CPU_FEATURES"]))
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    assert cli.main(["warm", "model.h5", "--level", "x86-64-v4", "--loss", "mae"]) == 3
    [(command, name, features)] = started
    assert command == ["-m", "numba_layers", "warm", "--optimizer", "sgd", "--loss", "mae", "model.h5"]
    assert name == "x86-64-v4" and "+avx512f" in features
    assert cli.main(["warm", "--level", "x86-64-v3", "train.py", "--level", "9"]) == 3
    assert started[1][0][-3:] == ["train.py", "--level", "9"]


REHEARSED = """
import sys
import numpy as np
from keras.layers import Dense
from keras.models import Sequential, load_model
np.random.seed(1)
model = Sequential([Dense(4, activation="relu", input_shape=(3,)), Dense(1)])
model.compile("rmsprop", "mse")
x, y = np.ones((70, 3)), np.ones((70, 1))
history = model.fit(x, y, epochs=int(sys.argv[2]), verbose=0, validation_split=0.1)
many = ((x[i:i + 8], y[i:i + 8]) for i in range(60))
model.fit_generator(many, steps_per_epoch=50, verbose=0, workers=0)
model.save("model.h5")
again = load_model("model.h5")
print(len(history.epoch), again.predict(x).shape, sum(1 for _ in many),
      (again.get_weights()[0] == model.get_weights()[0]).all())
if sys.argv[1] != "--well":
    raise ValueError(sys.argv[1])
"""


def kernels_in(folder):
    """What is in a cache, but for what programs call kernels by."""
    return sorted(file for file in folder.iterdir() if "trampoline" not in file.name)


def test_warm_with_a_script(tmp_path):
    """It runs, cut short, and saves no model; then the script itself compiles nothing. What stops it is told."""
    (tmp_path / "train.py").write_text(REHEARSED)
    (tmp_path / "model.h5").write_bytes(b"of a real run")
    environment = os.environ | {"NUMBA_LAYERS_CACHE_DIR": str(tmp_path / "cache")}

    def run(command, *arguments):
        ended = subprocess.run([sys.executable, "-m", "numba_layers", command, "train.py", *arguments], cwd=tmp_path,
                               env=environment, capture_output=True, text=True)
        return ended.returncode, ended.stdout.splitlines(), ended.stderr

    status, [shown, said], errors = run("warm", "--well", "30")
    assert status == 0, errors
    assert shown == "1 (70, 1) 58 True"
    assert re.fullmatch(r"[1-9]\d+ kernels compiled in \d+\.\d s; all that train.py needs are in .*cache", said)
    assert (tmp_path / "model.h5").read_bytes() == b"of a real run"
    kept = kernels_in(tmp_path / "cache")
    status, lines, errors = run("warm", "--badly", "30")
    assert status == 1 and lines[1].startswith("0 kernels compiled") and lines[1].count("needs up to there") == 1
    assert "ValueError: --badly" in errors and "train.py stopped before its end" in errors
    assert run("run", "--well", "2")[:2] == (0, ["2 (70, 1) 10 True"])
    assert kernels_in(tmp_path / "cache") == kept


def test_warm_without_the_script(capsys, monkeypatch):
    assert "there is no script" in refused(capsys, "warm", "absent.py")
    monkeypatch.setattr(registry, "runs_here", lambda: False)
    assert "--level" in refused(capsys, "warm", __file__)


@pytest.mark.slow
def test_warm_leaves_nothing_to_compile(tmp_path, monkeypatch):
    """After `warm`, a process that trains the model adds no file to the cache."""
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", str(tmp_path / "cache"))
    model = Sequential([Dense(4, activation="relu", input_shape=(3,)), Dense(2, activation="softmax")])
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.save(tmp_path / "model.h5")

    def run(*arguments):
        ended = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    first, again = (run("-m", "numba_layers", "warm", tmp_path / "model.h5") for _ in range(2))
    assert int(first.split()[0]) > 5 and "kernels compiled in" in first
    assert again.startswith("0 kernels compiled")
    kept = sorted((tmp_path / "cache").iterdir())
    run("-c", "import numpy as np; from numba_layers.models import load_model\n"
              f"model = load_model({str(tmp_path / 'model.h5')!r})\n"
              "model.fit(np.ones((160, 3)), np.zeros(160), epochs=4, verbose=0, validation_split=0.2)")
    assert sorted((tmp_path / "cache").iterdir()) == kept


def test_warm_takes_an_architecture(tmp_path, capsys):
    model = Sequential([Dense(4, input_shape=(3,))])
    (tmp_path / "model.json").write_text(model.to_json())
    shown = lines(capsys, "warm", str(tmp_path / "model.json"), "--loss", "mae")
    assert "taking optimizer 'sgd' and loss 'mae'" in shown[0]
    assert "no file" in refused(capsys, "warm", str(tmp_path / "absent.h5"))
    assert "cannot be read" in refused(capsys, "warm", str(tmp_path / "absent.json"))

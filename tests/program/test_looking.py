"""Programs to look at: the listing, times by kernel and layer, memory; and steps that allocate nothing."""

import gc
import re
import tracemalloc
from xml.etree import ElementTree

import numba
import numpy as np
import pytest

from numba_layers import config, devices
from numba_layers.errors import DataError, ModelError, ShapeError, UnknownNameError
from numba_layers.layers import Conv2D, Dense, Dropout, Flatten
from numba_layers.models import Sequential
from numba_layers.optimizers import SGD
from numba_layers.program import groups
from numba_layers.program.memory import picture
from numba_layers.program.table import Table

BATCH = 8
native = pytest.mark.skipif(numba.config.DISABLE_JIT or numba.config.BOUNDSCHECK, reason="no machine code is called")


@pytest.fixture(autouse=True)
def programs_are_on(monkeypatch):
    monkeypatch.setattr(config._settings, "programs", True)
    monkeypatch.setattr(config, "debug_level", 0)
    monkeypatch.setattr(config, "check_numbers", False)


def small(*more, **compiling):
    np.random.seed(1)
    model = Sequential([Dense(6, activation="tanh", input_shape=(4,), name="first"), *more, Dense(2, name="last")])
    model.compile(**({"optimizer": "adam", "loss": "mse"} | compiling))
    return model


def data(samples=BATCH):
    random = np.random.RandomState(3)
    return random.rand(samples, 4).astype("float32"), random.rand(samples, 2).astype("float32")


def trained(*more, **compiling):
    model = small(*more, **compiling)
    for _ in range(3):
        model.train_on_batch(*data())
    return model


def state(model):
    """All that training changes, as bytes."""
    return [array.tobytes() for array in [*model.get_weights(), *model.optimizer.get_weights()]]


# ---- the listing -------------------------------------------------------------------------------------------


def test_a_line_for_each_launch(device):
    program = trained().program()
    title, titles, *lines, totals = str(program).splitlines()
    assert "sequential" in title and "train, 8 samples" in title and device in title
    assert titles.split() == ["#", "kernel", "layer", "form", "arguments"]
    assert [line.split()[:2] for line in lines] == [[str(number), launch.kernel.name]
                                                    for number, launch in enumerate(program.launches)]
    assert f"{len(program.launches)} launches" in totals
    assert repr(program) == str(program)


def test_arguments_have_places_and_shapes(device):
    program = trained().program()
    first = next(line for line in str(program).splitlines() if " dense_forward " in line)
    assert re.search(r" first +(serial|grid|by size) +x0 \[8x4\], first/kernel \[4x6\], first/bias \[6\], relu=False, "
                     r"-> @\d+ \[8x6\]$", first)
    update = next(line for line in str(program).splitlines() if " adam_update " in line)
    assert re.search(r"gradients \[44\], rates \[4\], mean \[44\], mean_square \[44\], weights \[44\]$", update)
    assert "gradient of last/kernel [6x2]" in str(program)
    offsets = [int(place) for place in re.findall(r"@(\d+)", str(program))]
    assert max(offsets) < program.plan.size


def test_every_temporary_is_made_once():
    program = trained(Dropout(0.5)).program()
    made = [line.count("->") for line in str(program).splitlines()]
    inside = [place for place in program.plan.places if place is not None]
    assert sum(made) == len(inside) + len(program.apart)
    assert "random key [3 uint64]" in str(program)


def test_outputs_apart_have_a_name():
    model = small()
    for _ in range(2):
        model.predict_on_batch(data()[0])
    assert "-> out [8x2]" in str(model.program("predict")).splitlines()[-2]


def test_the_largest_batch_or_the_one_asked_for():
    model = trained()
    for samples in (16, 4):
        for _ in range(2):
            model.train_on_batch(*data(samples))
    assert model.program().title == "train, 16 samples"
    assert model.program(batch_size=4).title == "train, 4 samples"
    for _ in range(2):
        model.test_on_batch(*data(4))
    assert model.program("test").title == "test, 4 samples"
    with pytest.raises(ModelError, match="for 5 samples"):
        model.program(batch_size=5)


@native
def test_fit_gathers_its_batches():
    model = small()
    model.fit(*data(64), batch_size=BATCH, epochs=2, verbose=0)
    program = model.program()
    assert program.title == "train, 8 samples, many steps"
    assert "gather_batch" in str(program) and "counters [2 int64]" in str(program)


def test_no_program_is_an_error_with_the_cure(monkeypatch):
    model = small()
    with pytest.raises(ModelError, match=r"no program of mode 'train'\. .* model.train_on_batch twice"):
        model.program()
    with pytest.raises(UnknownNameError, match="Did you mean 'predict'"):
        model.program("predikt")
    monkeypatch.setattr(config._settings, "programs", False)
    with pytest.raises(ModelError, match="set_programs"):
        model.program()
    monkeypatch.setattr(config._settings, "programs", True)
    monkeypatch.setattr(config, "check_numbers", True)
    with pytest.raises(ModelError, match="NUMBA_LAYERS_CHECK"):
        model.program()


def test_a_model_that_is_no_program_says_why():
    class Halved(SGD):
        def rate(self, step):
            return 0.5 ** step

    with pytest.warns(UserWarning, match="op by op"):
        model = trained(optimizer=Halved())
    with pytest.raises(ModelError, match="Its steps run op by op: Halved.update"):
        model.program()


# ---- times -------------------------------------------------------------------------------------------------


def test_times_add_up(device):
    program = trained().program()
    found = program.profile(*data())
    assert [row.kernel for row in found.rows] == [launch.kernel.name for launch in program.launches]
    assert all(row.seconds >= 0 for row in found.rows) and found.together > 0
    for table in (found.by_kernel, found.by_layer):
        assert sum(row.launches for row in table.rows) == len(program.launches)
        assert np.isclose(sum(row.seconds for row in table.rows), found.seconds)
        assert np.isclose(sum(row.fraction for row in table.rows), 1)
        assert [row.seconds for row in table.rows] == sorted((row.seconds for row in table.rows), reverse=True)
    assert {row.name for row in found.by_layer.rows} == {"first", "last", "(no layer)"}
    assert "dense_forward" in str(found) and str(found) == repr(found)
    assert str(program).splitlines()[1].split() == ["#", "kernel", "layer", "form", "us", "arguments"]


def test_a_profile_changes_nothing(device):
    """Not even what comes next: dropout's masks and the optimizer's count are as without it."""
    model, twin = trained(Dropout(0.5)), trained(Dropout(0.5))
    before = state(model)
    model.program().profile()
    assert state(model) == before
    for one in (model, twin):
        one.train_on_batch(*data())
    assert state(model) == state(twin)


@native
def test_a_profile_of_many_steps_stays_within_its_arrays():
    model = small()
    x, y = data(16)
    model.fit(x, y, batch_size=BATCH, epochs=3, verbose=0)     # the count of batches stands at the end
    before = state(model)
    program = model.program()
    assert program.gathers
    assert program.profile().together > 0 and program.profile(x, y).rows
    assert state(model) == before


def test_a_profile_takes_what_the_program_was_recorded_for():
    program = trained(Dense(1), optimizer="sgd").program()
    x, y = data()
    program.profile([x], [y.astype("float64")])
    with pytest.raises(DataError, match=r"got 1 arrays, expected 2: float32\(8, 4\), float32\(8, 2\)"):
        program.profile(x)
    with pytest.raises(ShapeError, match=r"shape \(7, 4\), expected \(8, 4\)"):
        program.profile(x[:7], y)


def test_class_numbers_may_lack_their_axis():
    model = small(loss="sparse_categorical_crossentropy")
    x, classes = data()[0], np.arange(BATCH) % 2
    for _ in range(3):
        model.train_on_batch(x, classes)
    assert model.program().profile(x, classes).rows
    assert model.program().profile().rows


def test_pictures_are_svg():
    model = trained()
    for shown in (model.program().profile(), model.memory_report()):
        pictures = re.findall(r"<svg.*?</svg>", shown._repr_html_(), re.DOTALL)
        assert pictures
        for drawn in pictures:
            root = ElementTree.fromstring(drawn)
            width, height = float(root.get("width")), float(root.get("height"))
            for box in root.iter("{http://www.w3.org/2000/svg}rect"):
                assert 0 <= float(box.get("x")) <= float(box.get("x")) + float(box.get("width")) <= width + 1
                assert 0 <= float(box.get("y")) <= float(box.get("y")) + float(box.get("height")) <= height + 1


def test_a_table_reads_as_text_and_in_a_notebook():
    table = Table(["name", "number"], [("a<b", 7), ("c", 12)], [str, "{}!".format])
    assert str(table) == "name  number\na<b       7!\nc        12!"
    assert "<td style=\"text-align:left\">a&lt;b</td>" in table._repr_html_()
    ElementTree.fromstring(table._repr_html_())
    assert str(Table(["name"], [])) == "name"


# ---- memory ------------------------------------------------------------------------------------------------


def test_memory_adds_up(device):
    model = trained()
    report, program = model.memory_report(), model.program()
    assert report.weights == report.gradients == sum(weight.nbytes for weight in model.get_weights())
    assert 2 * report.weights <= report.slots <= 2 * report.weights + 1024
    assert report.stays == report.weights + report.gradients + report.slots + report.others
    [row] = report.programs.rows
    assert row.slab == program.plan.size and row.launches == len(program.launches)
    assert row.needed <= row.slab <= row.unplanned + 64 * len(program.buffers)
    assert row.inputs == sum(array.nbytes for array in data())
    assert report.peak == row.peak == report.stays + row.slab + row.outputs + row.constants
    assert report.held == report.stays + row.constants + row.slabs * row.slab
    sizes = [large.bytes for large in report.largest.rows]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == BATCH * 6 * 4
    assert report.largest.rows[0].kernel == "dense_forward" and report.largest.rows[0].layer == "first"
    assert "stays between steps" in str(report) and str(report) == repr(report)


def test_memory_before_the_first_step():
    model = small()
    report = model.memory_report()
    assert report.weights == sum(weight.nbytes for weight in model.get_weights())
    assert report.peak == report.held == report.stays == report.weights
    assert (report.gradients, report.slots, report.programs.rows, report.largest.rows) == (0, 0, [], [])
    assert "<svg" not in report._repr_html_() and str(report)


def test_the_slab_is_far_smaller_than_its_temporaries(monkeypatch):
    monkeypatch.setattr(groups, "LEAST", 1 << 20)       # of more than this one: a group needs them at the same time
    model = Sequential([Conv2D(8, (3, 3), activation="relu", input_shape=(16, 16, 8)),
                        *[Conv2D(8, (3, 3), padding="same", activation="relu") for _ in range(4)], Flatten(), Dense(2)])
    model.compile("sgd", "mse")
    x = np.random.rand(4, 16, 16, 8).astype("float32")
    for _ in range(2):
        model.predict_on_batch(x)
    [row] = model.memory_report().programs.rows
    assert row.slab < 0.6 * row.unplanned
    boxes = ElementTree.fromstring(picture(model.program("predict")))
    assert len(boxes) == 1 + sum(place is not None for place in model.program("predict").plan.places)


def allocated(monkeypatch):
    """A list that is told the shape of each array that is allocated for a kernel from now on."""
    shapes, kind = [], type(devices.current())
    original = kind.empty
    monkeypatch.setattr(kind, "empty", staticmethod(
        lambda shape, dtype: shapes.append(shape) or original(shape, dtype)))
    return shapes


@native
def test_a_step_allocates_nothing(monkeypatch):
    """Of what its layers compute, 64 kB each, nothing is allocated once there is a program."""
    model = Sequential([Dense(256, activation="tanh", input_shape=(256,)), Dropout(0.5),
                        Dense(256, activation="tanh"), Dense(256)])
    model.compile("adam", "mse")
    x = np.random.rand(64, 256).astype("float32")
    for _ in range(16):     # recorded, and launch by launch to choose the forms
        model.train_on_batch(x, x)
        model.test_on_batch(x, x)
        model.predict_on_batch(x)
    wanted = allocated(monkeypatch)
    gc.collect()
    tracemalloc.start()
    try:
        for step, outputs in ((lambda: model.train_on_batch(x, x), 0), (lambda: model.test_on_batch(x, x), 0),
                              (lambda: model.predict_on_batch(x), 2 * x.nbytes)):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(5):
                step()
            assert tracemalloc.get_traced_memory()[1] - before < outputs + 3 * x.nbytes / 4
    finally:
        tracemalloc.stop()
    assert wanted == []


@native
def test_many_steps_allocate_nothing(monkeypatch):
    model = small()
    x, y = data(256)
    model.fit(x, y, batch_size=BATCH, epochs=3, verbose=0)
    wanted = allocated(monkeypatch)
    model.fit(x, y, batch_size=BATCH, epochs=3, verbose=0)
    assert wanted == []

"""Samples of packed networks: what is opened for which network, and what is measured."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.nodes import move
from helpers.tasks import maps_of_classes, rows_of_classes, rows_of_numbers
from PIL import Image

from signbit.data import ImageSet, Selection
from signbit.data._front_end import FrontEnd
from signbit.data._sounds import read_sound
from signbit.data._tables import open_table
from signbit.errors import DataError, MissingDependencyError, UsageError
from signbit.format import Input, Node, Output, PackedModel, Signature
from signbit.format.signature import takes_picture
from signbit.runtime.engine import Engine
from signbit.scoring import (
    Answerer,
    ClassAnswer,
    Prediction,
    evaluate,
    measure,
    open_file,
    open_samples,
    predict,
    targets_of,
)
from signbit.scoring._open_samples import ImageSamples


def with_softmax(model: PackedModel, *after: Node) -> PackedModel:
    """The network with a softmax at its end, and other nodes after it."""
    last = len(model.nodes) + len(model.inputs) - 1
    (old,) = model.outputs
    nodes = [*model.nodes, Node("softmax", (last,)), *after]
    new = Output(old.name, old.kind, len(nodes), old.rank, old.names)
    return PackedModel(nodes, Signature(model.inputs, [new]))


def test_probabilities_of_a_network_that_ends_in_a_softmax_stay_as_they_are(tmp_path):
    np.savez(tmp_path / "x.npz", features=np.array([[1.0, 0, 0], [0, 3, 0]]), kind=[0, 0])
    found = []
    for model in (rows_of_classes(), with_softmax(rows_of_classes())):
        engine, targets = Engine(model), targets_of(model)
        samples = open_file(model, tmp_path / "x.npz", targets, Selection())
        figures = measure(engine, samples, targets).outputs["kind"]
        answers = list(Answerer(engine, targets).batches(samples.batches(9)))
        given = [answer.outputs["kind"] for answer in answers]
        shares = [one.top[0][1] for one in given if isinstance(one, ClassAnswer)]
        found.append((figures["calibration_error"], *shares))
    assert found[1] == pytest.approx(found[0], abs=1e-6)
    assert found[0][1] == pytest.approx(np.e / (np.e + 2))


def test_probabilities_that_are_moved_stay_as_they_are(tmp_path):
    np.savez(tmp_path / "x.npz", features=np.array([[1.0, 0, 0]]))
    rows = rows_of_classes()
    last = len(rows.nodes) + 1
    turned = move(last, [0], [0], [1, 2, 0])
    model = with_softmax(rows, turned, Node("flatten", (last + 1,)))
    engine, targets = Engine(model), targets_of(model)
    samples = open_file(model, tmp_path / "x.npz", targets, Selection())
    (answer,) = Answerer(engine, targets).batches(samples.batches(9))
    given = answer.outputs["kind"]
    assert isinstance(given, ClassAnswer)
    names = model.outputs[0].names
    assert given.top[0] == (names[2], pytest.approx(np.e / (np.e + 2), abs=1e-6))


def test_images_too_keep_the_probabilities_of_a_softmax(tmp_path):
    pixels = Input.pixels("pixels", (1, 1, 3), [1 / 255] * 3, [0.0] * 3)
    plain = maps_of_classes(1)
    (old,) = plain.outputs
    row = Output(old.name, old.kind, old.node, 1, old.names)
    plain = PackedModel(plain.nodes, Signature([pixels], [row]))
    Image.new("RGB", (1, 1), (255, 51, 0)).save(tmp_path / "x.png")
    images = ImageSet("x", "test", np.array([[[[255, 51, 0]]]], np.uint8), np.array([1]), row.names)
    for model in (plain, with_softmax(plain)):
        (answer,) = predict(Engine(model), [tmp_path / "x.png"], row.names)
        assert isinstance(answer, Prediction)
        wanted = np.exp([1, 0.2, 0])
        assert answer.top[0] == ("red", pytest.approx(wanted[0] / wanted.sum(), abs=1e-6))
        figures = evaluate(Engine(model), images).figures
        assert figures.calibration_error == pytest.approx(wanted[0] / wanted.sum(), abs=1e-6)


def test_images_of_a_data_set_are_samples_of_a_network_with_other_outputs_too():
    model = maps_of_classes(4)
    scores = Output("row", "classes", 2, 3, ("red", "green", "blue"))
    assert takes_picture(model.inputs)
    assert not model.signature.is_of_images
    (target,) = targets_of(PackedModel(model.nodes, Signature(model.inputs, [scores])))
    images = np.zeros((5, 4, 4, 3), np.uint8)
    labels = np.array([2, 0, 1, 1, 2])
    given = ImageSet("set", "test", images, labels, ("blue", "green", "red"))
    samples = ImageSamples(given, model.inputs[0], target)
    batches = list(samples.batches(2))
    assert np.concatenate([one.targets["row"] for one in batches]).tolist() == [0, 2, 1, 1, 0]
    with pytest.raises(UsageError, match=r"shape \(3, 3, 3\), but input pixels"):
        ImageSamples(
            ImageSet("set", "test", images[:, :3, :3], labels, given.classes),
            model.inputs[0],
            target,
        )


def test_outputs_without_true_answers_are_left_out_and_none_at_all_is_refused(tmp_path):
    model = rows_of_numbers()
    np.savez(tmp_path / "x.npz", pair=np.zeros((2, 2)))
    targets = targets_of(model)
    samples = open_file(model, tmp_path / "x.npz", targets, Selection())
    with pytest.raises(UsageError, match="no true answers for both"):
        measure(Engine(model), samples, targets)


@pytest.mark.parametrize(
    ("model", "data", "says"),
    [
        (
            maps_of_classes(),
            "digits",
            r"returns mask \(classes, rank 3\); give targets in FILE.npz",
        ),
        (maps_of_classes(), "folder:x", "returns mask"),
        (
            rows_of_numbers(),
            "digits",
            r"--data digits is for networks whose input is one image, .* takes pair \(f32, 2\)",
        ),
    ],
)
def test_data_that_the_network_does_not_take_is_refused(model, data, says):
    with pytest.raises(UsageError, match=says):
        open_samples(model, data, "test", targets_of(model), Selection())


@pytest.mark.parametrize(
    ("names", "says"),
    [(("a", "b"), "2 class names"), (("a", "a", "b"), "give 3 different names")],
)
def test_names_that_do_not_fit_are_refused(names, says):
    with pytest.raises(UsageError, match=says):
        targets_of(rows_of_classes(), names)


def test_folders_of_a_nameless_network_need_an_order(tmp_path):
    pixels = maps_of_classes(1).inputs
    nameless = PackedModel(
        maps_of_classes(1).nodes, Signature(pixels, [Output("row", "classes", 3, 1)])
    )
    for name in ("x", "y", "z"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (1, 1)).save(tmp_path / name / "1.png")
    data, targets = f"folder:{tmp_path}", targets_of(nameless)
    with pytest.raises(UsageError, match=r"'row' has no class names.*classes\.txt into the folder"):
        open_samples(nameless, data, "test", targets, Selection())
    (tmp_path / "classes.txt").write_text("z\ny\nx\n")
    samples = open_samples(nameless, data, "test", targets, Selection())
    assert next(samples.batches(9)).targets["row"].tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("pyarrow", lambda: open_table(Path("x.parquet"))),
        ("soundfile", lambda: read_sound(Path("x.wav"), 16000)),
        ("kaldi_native_fbank", lambda: FrontEnd("log_mel")(np.zeros(16000, np.float32))),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_extra(monkeypatch, module, call):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'signbit\[data\]'"):
        call()


def test_tables_and_arrays_need_no_torch(tmp_path):
    rows_of_classes().save(tmp_path / "net.signbit")
    (tmp_path / "t.csv").write_text("x,y,z,kind\n1,0,0,a\n")
    code = (
        "import sys\n"
        "from signbit.cli import main\n"
        "try: main(['evaluate', 'net.signbit', '--data', 't.csv'])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path):
    model = rows_of_classes()
    for name in ("x.npz", "x.npy", "x.csv", "x.parquet"):
        with pytest.raises(DataError, match=f"cannot read .*{name}"):
            open_file(model, tmp_path / name, targets_of(model), Selection())

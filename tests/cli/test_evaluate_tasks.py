"""`signbit evaluate` for packed networks of other tasks than images with classes."""

import json

import numpy as np
import pytest
import soundfile
from helpers.files import ends
from helpers.tasks import (
    layer,
    maps_of_classes,
    rows_of_classes,
    rows_of_labels,
    rows_of_numbers,
    sounds_of_classes,
)
from PIL import Image

from signbit.format import Input, Node, Output, PackedModel, Signature
from signbit.runtime import reference
from signbit.runtime.samples import random_inputs

FRONT_END = ("--front-end", "log_mel:bins=20,window=30,hop=20")


@pytest.fixture
def evaluated(signbit, tmp_path):
    """Call `evaluate` for a network; returns its JSON, standard output and standard error."""

    def run(model, data, *options):
        model.save(tmp_path / "net.signbit")
        result = tmp_path / "result.json"
        command = ("evaluate", tmp_path / "net.signbit", "--data", data, "--json", result)
        out, err = signbit(*command, *options)
        return json.loads(result.read_text()), out, err

    return run


@pytest.fixture
def refused(signbit, tmp_path):
    """Call `evaluate` for a network and expect one line about what is wrong."""

    def run(model, data, *options, code, says):
        model.save(tmp_path / "net.signbit")
        command = ("evaluate", tmp_path / "net.signbit", "--data", data, *options)
        signbit.refused(*command, code=code, says=says)

    return run


def test_rows_of_classes_from_a_table(evaluated, tmp_path):
    data = tmp_path / "t.csv"
    data.write_text("x,y,z,kind\n1.5,0,0,a\n0,2,0.2,b\n0,0,200,c\n1,0,0,c\n")
    result, out, err = evaluated(rows_of_classes(), data)
    figures = result["outputs"]["kind"]
    assert (figures["top1"], figures["per_class"]) == (0.75, {"a": 1.0, "b": 1.0, "c": 0.5})
    # 200 is above the highest code: it counts as 119.5.
    assert result["clipped"] == {"features": 1}
    assert "1 numbers for input 'features' are outside the range of its codes, -8 to 119.5" in err
    assert "kind (classes): top-1 75.00 %, top-3 100.00 %, calibration error " in out
    assert "evaluating" in err


def test_labels_and_numbers_from_tables(evaluated, tmp_path):
    data = tmp_path / "t.csv"
    data.write_text("u,v,hot,wet\n1,-1,0,1\n-1,2,1,1\n-3,-2,0,0\n")
    result, out, _ = evaluated(rows_of_labels(), data, "--threshold", "0.7")
    figures = result["outputs"]["tags"]
    assert figures["per_label"]["wet"]["recall"] == 0.5
    assert (figures["threshold"], figures["mean_average_precision"]) == (0.7, 1.0)
    assert "tags (labels above 0.7): mean average precision 100.00 %" in out
    data.write_text("p,q,s,d\n1,2,3,-1\n4,5,9.5,-1\n1,1,2,2\n")
    options = ("--target", "both=s", "--target", "d")
    result, out, _ = evaluated(rows_of_numbers(), data, *options)
    figures = result["outputs"]["both"]
    assert figures["per_quantity"]["sum"]["mae"] == pytest.approx(0.5 / 3)
    assert figures["rmse"] == pytest.approx(((0.5**2 + 2**2) / 6) ** 0.5)
    assert "R²" in out


@pytest.mark.parametrize("low", ["-1", "0", "false"])
def test_bits_from_a_table(evaluated, tmp_path, low):
    high = "true" if low == "false" else "1"
    output = Output("kind", "classes", 0, 1, ("first", "second"))
    model = layer(Input.bits("flags", (2,)), np.eye(2), output)
    data = tmp_path / "t.csv"
    data.write_text(f"a,b,kind\n{high},{low},first\n{low},{high},second\n{low},{low},second\n")
    result, _, _ = evaluated(model, data)
    # Of equal scores the first class wins.
    assert result["outputs"]["kind"]["confusion"] == [[1, 0], [1, 1]]


def test_a_map_of_classes_from_images_with_masks(evaluated, refused, tmp_path):
    data = tmp_path / "m"
    mask = np.random.default_rng(0).integers(0, 2, (4, 4), np.uint8)
    for part in ("images", "masks"):
        (data / part).mkdir(parents=True)
    Image.fromarray(np.uint8(np.eye(3)[mask] * 200)).save(data / "images" / "1.png")
    wrong = mask.copy()
    wrong[0, 0], wrong[3] = 1 - mask[0, 0], 255
    Image.fromarray(wrong).save(data / "masks" / "1.png")
    result, out, _ = evaluated(maps_of_classes(), f"folder:{data}")
    figures = result["outputs"]["mask"]
    assert (figures["places"], figures["accuracy"]) == (12, 11 / 12)
    assert figures["per_class"]["blue"] is None
    known = [figures["per_class"][name] for name in ("red", "green")]
    assert figures["mean_iou"] == pytest.approx(sum(known) / 2)
    assert "no pixel has these classes, so the mean leaves them out: blue" in out
    Image.fromarray(mask[:3]).save(data / "masks" / "1.png")
    refused(maps_of_classes(), f"folder:{data}", code=1, says="1.png: a mask of 3x4 pixels")


@pytest.mark.parametrize(("kind", "key"), [("numbers", "per_quantity"), ("labels", "per_label")])
def test_one_nameless_channel_has_the_name_of_its_output(evaluated, tmp_path, kind, key):
    model = layer(Input.numbers("x", (1,)), np.ones((1, 1)), Output("days", kind, 0, 1))
    (tmp_path / "t.csv").write_text("x,days\n1,1\n-3,0\n")
    result, _, _ = evaluated(model, tmp_path / "t.csv")
    assert list(result["outputs"]["days"][key]) == ["days"]


def test_bits_of_a_table_of_numbers_have_a_way_out(refused, tmp_path):
    model = layer(Input.bits("x", (3,)), np.eye(3), Output("kind", "classes", 0, 1))
    (tmp_path / "t.csv").write_text("x,kind\n1.5,0\n")
    says = "needs 3; choose with --features, --target and --ignore, or turn numbers into bits first"
    refused(model, tmp_path / "t.csv", code=1, says=says)


def test_sounds_in_class_folders(evaluated, refused, tmp_path):
    noise = np.random.default_rng(0).uniform(-1, 1, 16000)
    for name, level in (("quiet", 0.0005), ("loud", 0.9)):
        (tmp_path / "w" / name).mkdir(parents=True)
        soundfile.write(tmp_path / "w" / name / "1.wav", level * noise, 16000)
    data = f"folder:{tmp_path / 'w'}"
    result, _, _ = evaluated(sounds_of_classes(49, 20), data, *FRONT_END)
    assert result["outputs"]["loudness"]["confusion"] == [[1, 0], [0, 1]]
    refused(sounds_of_classes(49, 20), data, code=2, says="or WAV files and --front-end")
    refused(sounds_of_classes(9, 20), data, *FRONT_END, code=1, says="49 windows of 20 features")


def test_labels_of_images_from_a_table(evaluated, tmp_path):
    model = maps_of_classes(1)
    tags = Output("tags", "labels", 3, 1, ("red", "green", "blue"))
    cut = {"scale": np.ones(3, np.float32), "bias": np.full(3, -0.5, np.float32)}
    nodes = [*model.nodes[:-1], Node("affine", (2,), {}, cut)]
    for name, color in (("1.png", (255, 200, 0)), ("2.png", (0, 0, 255))):
        Image.new("RGB", (8, 8), color).save(tmp_path / name)
    (tmp_path / "targets.csv").write_text("file,red,green,blue\n1.png,1,1,1\n2.png,0,0,1\n")
    labelled = PackedModel(nodes, Signature(model.inputs, [tags]))
    result, _, _ = evaluated(labelled, f"folder:{tmp_path}")
    found = {name: one["recall"] for name, one in result["outputs"]["tags"]["per_label"].items()}
    assert found == {"red": 1.0, "green": 1.0, "blue": 0.5}


def test_several_outputs_from_arrays_each_by_its_kind(evaluated, tmp_path):
    given = random_inputs(ends(), 40)
    found = reference.outputs(ends(), given)
    truth = {
        "answer": np.array(list("abc"))[found["answer"].argmax(1)],
        "tags": found["tags"] > 0,
        "sums": found["sums"] + np.array([0, 3]),
        "bright": found["bright"],
    }
    np.savez(tmp_path / "x.npz", **given, **truth)
    result, out, _ = evaluated(ends(), tmp_path / "x.npz", "--batch-size", 7)
    outputs = result["outputs"]
    assert outputs["answer"]["top1"] == 1.0
    assert outputs["tags"]["micro"]["f1"] == 1.0
    assert outputs["tags"]["mean_average_precision"] is None
    assert [row["mae"] for row in outputs["sums"]["per_quantity"].values()] == [0, 3]
    assert outputs["bright"]["mae"] == 0
    assert {name: one["rank"] for name, one in outputs.items()} == {
        "answer": 1,
        "tags": 2,
        "sums": 1,
        "bright": 3,
    }
    titles = ("answer (classes)", "tags (labels", "sums (numbers)", "bright (numbers)")
    assert all(title in out for title in titles)


def test_the_size_of_batches_changes_no_count(evaluated, tmp_path):
    generator = np.random.default_rng(0)
    features = generator.normal(size=(50, 3)).round(1)
    np.savez(tmp_path / "x.npz", features=features, kind=generator.integers(0, 3, 50))
    results = [
        evaluated(rows_of_classes(), tmp_path / "x.npz", "--batch-size", size)[0]["outputs"]
        for size in (1, 13, 100)
    ]
    assert results[0] == results[1] == results[2]


def test_a_network_of_images_takes_arrays_too(evaluated, tmp_path, packed_digits):
    from signbit.data import load

    digits = load("digits", "test")
    np.savez(tmp_path / "x.npz", pixels=np.asarray(digits.images), scores=digits.labels)
    result, _, _ = evaluated(packed_digits, tmp_path / "x.npz")
    plain, _, _ = evaluated(packed_digits, "digits")
    figures = result["outputs"]["scores"]
    for key in ("top1", "top5", "calibration_error", "confusion"):
        assert figures[key] == plain[key]


@pytest.fixture
def packed_digits(checkpoint):
    from signbit.models import load_model
    from signbit.pack import pack

    trained = load_model(checkpoint)
    return pack(trained.module, trained.preprocessing)


@pytest.mark.parametrize(
    ("text", "options", "code", "says"),
    [
        ("x,y,z,kind\n1,2,,a\n", (), 1, "t.csv, row 1, column 'z': no value; fill it in"),
        ("x,y,z,kind\n1,2,nan,a\n", (), 1, "t.csv, row 1, column 'z': NaN"),
        ("x,y,z,kind\n1,2,3,d\n", (), 1, "column 'kind': 'd' is not a class; the 3 classes are a"),
        (
            "x,y,kind\n1,2,a\n",
            (),
            1,
            "has 2 columns of features (x, y), but input features (u8, 3)",
        ),
        ("x,y,z\n1,2,3\n", (), 2, "no true answers for kind; give their columns"),
        ("x,y,z,k\n1,2,3,a\n", ("--target", "q"), 2, "unknown column 'q'; known: k, x, y, z"),
        ("x,y,z,kind\n1,2,3,a\n", ("--threshold", "1"), 2, "give a number between 0 and 1"),
        ("x,y,z,kind\n1,2,3,a\n", ("--front-end", "mel"), 2, "unknown front end 'mel'"),
        ("x,y,z,kind\n1,2,3,a\n", FRONT_END, 2, "a front end is for folder:PATH"),
        ("x,y,z,kind\n1,2,3,a\n", ("--classes", "a,b"), 2, "2 class names for output 'kind'"),
        ("x,y,z,kind\n1,2,3,a\n", ("--confusion", "c.png"), 2, "--confusion is for networks"),
    ],
)
def test_mistakes_are_one_line(refused, tmp_path, text, options, code, says):
    (tmp_path / "t.csv").write_text(text)
    refused(rows_of_classes(), tmp_path / "t.csv", *options, code=code, says=says)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("digits", "--data digits is for networks whose input is one image"),
        ("folder:nowhere", "is for networks whose input is one image"),
        ("t.xlsx", "is for networks whose input is one image"),
    ],
)
def test_data_that_the_network_does_not_take_is_refused(refused, data, says):
    refused(rows_of_classes(), data, code=2, says=says)


def test_columns_of_data_without_columns_are_refused(refused, tmp_path):
    for data in ("digits", f"folder:{tmp_path}"):
        refused(maps_of_classes(), data, "--target", "a", code=2, says="has no columns")


def test_options_and_files_of_other_tasks_are_refused_for_run_folders(signbit, checkpoint):
    evaluate = ("evaluate", checkpoint, "--data")
    signbit.refused(
        *evaluate, "digits", "--target", "a", code=2, says="--target is for tables, for arrays"
    )
    signbit.refused(*evaluate, "digits", "--threshold", "0.4", code=2, says="--threshold is for")
    signbit.refused(*evaluate, "x.csv", code=2, says="pack the model first")


def test_names_of_classes_come_from_the_option_or_a_file(evaluated, refused, tmp_path):
    data = tmp_path / "t.csv"
    data.write_text("x,y,z,kind\n1,0,0,elk\n0,1,0,owl\n")
    nameless = rows_of_classes(())
    refused(nameless, data, code=1, says="'elk' is not a class; the 3 classes are 0, 1, 2")
    result, _, _ = evaluated(nameless, data, "--classes", "elk,owl,fox")
    assert result["outputs"]["kind"]["per_class"] == {"elk": 1.0, "owl": 1.0, "fox": None}
    (tmp_path / "classes.txt").write_text("owl\nelk\nfox\n")
    result, _, err = evaluated(nameless, data)
    assert result["outputs"]["kind"]["top1"] == 0
    assert "class names from" in err

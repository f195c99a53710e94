"""The `.signbit` file: round trips, golden bytes, and networks that it does not hold."""

import numpy as np
import pytest
from helpers.files import GOLDEN, WINDOW, ends, moves, small, version_2, wide

from signbit.errors import ModelFormatError, OutputError
from signbit.format import Node, PackedModel, Preprocessing
from signbit.format.file import to_bytes
from signbit.format.ops import operations
from signbit.runtime import reference

IMAGES = (np.arange(4 * 9) * 89 % 256).reshape(4, 3, 3, 1).astype(np.uint8)


def test_the_golden_file_is_what_the_model_writes_and_says_what_it_said():
    assert to_bytes(small()) == GOLDEN.read_bytes()
    scores = reference.scores(PackedModel.load(GOLDEN), IMAGES)
    assert scores.tolist() == [[-2.0, -7.0], [-3.0, -11.0], [1.0, 5.0], [0.0, 1.0]]


def test_the_golden_files_hold_every_operation():
    for make in wide, version_2, moves, ends:
        assert to_bytes(make()) == GOLDEN.with_name(f"{make.__name__}.signbit").read_bytes()
    used = {node.op for model in (small(), wide(), version_2()) for node in model.nodes}
    assert sorted(used) == operations.names()


def test_the_golden_files_of_version_2_say_what_they_said():
    images = (np.arange(4 * 18) * 89 % 256).reshape(4, 3, 3, 2).astype(np.uint8)
    model = PackedModel.load(GOLDEN.with_name("version_2.signbit"))
    assert reference.scores(model, images).tolist() == [[-16.0], [0.0], [12.0], [12.0]]
    moved = reference.scores(PackedModel.load(GOLDEN.with_name("moves.signbit")), images[1:2])
    # 0.5 and infinity fill.
    wanted = [3.0, 3.0, 1.0, 0.5, 3.0, 3.0, 0.0, 1.0, 1.0, float("inf"), -1.5, 0.0, 1.0]
    assert moved.tolist() == [wanted]


def test_the_golden_file_of_every_kind_of_input_and_output_says_what_it_said():
    model = PackedModel.load(GOLDEN.with_name("ends.signbit"))
    assert model.signature == ends().signature
    given = {
        "image": np.array([[[7, 1], [8, 200]], [[7, 1], [8, 9]]], np.uint8)[..., None],
        "wave": np.array([[[-1, 2], [0, 0.5], [3, 1]]] * 2, np.float32),
        "flags": np.array([[1, 0, 1, 1, 0], [1, 1, 1, 1, 1]], bool),
    }
    found = reference.outputs(model, given)
    assert found["answer"].tolist() == [[-3.5, -0.5, 3.0], [2.5, -0.5, 3.0]]
    assert found["tags"].tolist() == [[[-1.0, 2.0], [0.0, 0.5], [3.0, 1.0]]] * 2
    assert found["sums"].tolist() == [[-1, 3], [3, 3]]
    assert found["bright"][..., 0].tolist() == [[[False, False], [True, True]]] * 2


def test_a_round_trip_keeps_everything(tmp_path):
    model = small()
    model.save(tmp_path / "m.signbit")
    again = PackedModel.load(str(tmp_path / "m.signbit"))
    assert to_bytes(again) == to_bytes(model)
    assert (again.types, again.preprocessing, again.info) == (
        model.types,
        model.preprocessing,
        model.info,
    )
    assert again.outputs[0].names == ("no", "yes")


def test_saving_where_it_cannot_be_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        small().save(tmp_path)


def jumping(convolutions: int) -> PackedModel:
    """1x1 windows that jump over padding of 2^28 positions, which an engine would have to hold."""
    conv = {"kernel": (1, 1), "stride": (16384, 16384), "padding": (16383, 16383, 0, 0)}
    conv |= {"dilation": (1, 1), "groups": 1, "channels": 1, "padding_value": 0}
    tensors = {"weight": np.ones((1, 1, 1, 1), np.uint64)}
    below = np.zeros(1, np.uint64)
    real = {"scale": np.ones(1, np.float32), "bias": np.zeros(1, np.float32)}
    ends = {kind: {"threshold": np.zeros(1, kind), "below": below} for kind in ("f4", "i4")}
    nodes = [Node("normalize", (0,), {}, real), Node("threshold", (1,), {}, ends["f4"])]
    for number in range(2, 2 + 2 * convolutions, 2):
        nodes += [Node("conv_bits", (number,), conv, tensors)]
        nodes += [Node("threshold", (number + 1,), {}, ends["i4"])]
    return PackedModel([*nodes, Node("signs", (len(nodes),))], Preprocessing([1.0], [0.0], (1, 1)))


def test_padding_counts_as_memory():
    assert jumping(0).types[-1].elements == 1
    with pytest.raises(
        ModelFormatError, match=r"node 3 \(conv_bits\): the network is too large: \d+ bytes"
    ):
        jumping(1)


def test_a_value_counts_with_the_widest_padding_of_all_its_readers():
    """Each alone pads 480 kB; an engine that holds one map for both would take 29 GB."""
    bits = jumping(0).nodes[:2]
    conv = {**WINDOW, "kernel": (1, 1), "channels": 1, "padding_value": 0}
    tensors = {"weight": np.ones((1, 1, 1, 1), np.uint64)}
    paddings = (60000, 0, 0, 0), (0, 60000, 0, 0)
    readers = [Node("conv_bits", (2,), conv | {"padding": one}, tensors) for one in paddings]
    for one in readers:
        with pytest.raises(ModelFormatError, match="node 3 returns i32"):
            PackedModel([*bits, one], Preprocessing([1.0], [0.0], (1, 1)))
    with pytest.raises(ModelFormatError, match=r"node 4 \(conv_bits\): the network is too large"):
        PackedModel([*bits, *readers], Preprocessing([1.0], [0.0], (1, 1)))


def test_a_file_is_not_written_that_is_too_large_to_be_read(tmp_path, monkeypatch):
    content = to_bytes(small())
    monkeypatch.setattr("signbit.format.file.MAX_BYTES", len(content) - 1)
    with pytest.raises(ModelFormatError, match=f"{len(content)} bytes; at most"):
        small().save(tmp_path / "large.signbit")
    with pytest.raises(ModelFormatError, match=f"<bytes>: {len(content)} bytes; at most"):
        PackedModel.load(content)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("info", [{"x": float("nan")}, {"x": {1, 2}}])
def test_info_that_is_not_json_is_refused(info):
    model = small()
    with pytest.raises(ModelFormatError, match="info is not JSON"):
        to_bytes(PackedModel(model.nodes, model.preprocessing, info))


def test_thresholds_that_are_no_numbers_are_refused():
    bad = {"threshold": np.array([np.nan], np.float32), "below": np.zeros(1, np.uint64)}
    unit = {"scale": np.ones(1, np.float32), "bias": np.zeros(1, np.float32)}
    nodes = [Node("normalize", (0,), {}, unit), Node("threshold", (1,), {}, bad)]
    with pytest.raises(
        ModelFormatError, match=r"node 2 \(threshold\): tensor 'threshold' holds NaN"
    ):
        PackedModel(nodes, Preprocessing([1.0], [0.0], (1, 1)))


@pytest.mark.parametrize(
    ("side", "multiplier", "offset"),
    # Of the last the sums fit, but not what they are before the offset is added.
    [(512, 255, 0), (512, 1, -65535), (3000, 1, -128)],
)
def test_sums_that_could_overflow_are_refused(side, multiplier, offset):
    conv = {**WINDOW, "kernel": (side, side), "channels": 1}
    conv |= {"multiplier": multiplier, "offset": offset}
    with pytest.raises(ModelFormatError, match="can overflow 32 bits"):
        PackedModel([Node("conv_u8", (0,), conv, {})], Preprocessing([1.0], [0.0], (side, side)))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(ModelFormatError, match=r"^/dev/zero: cannot be read: a device or pipe"):
        PackedModel.load("/dev/zero")
    for path in (tmp_path / "no.signbit", tmp_path):
        with pytest.raises(ModelFormatError, match=f"^{path}: cannot be read: "):
            PackedModel.load(path)

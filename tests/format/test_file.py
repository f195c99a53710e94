"""The `.signbit` file: round trips, golden bytes, and files that others made."""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from signbit.errors import ModelFormatError, OutputError
from signbit.format import Node, PackedModel, Preprocessing
from signbit.format.bits import pack_bits
from signbit.format.file import read, to_bytes
from signbit.format.ops import operations
from signbit.runtime import reference

GOLDEN = Path(__file__).parent / "golden" / "small.signbit"
WINDOW = {"stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1}


def small() -> PackedModel:
    """Two layers, made of known bits."""
    first = pack_bits(np.arange(3 * 2 * 2 * 1).reshape(3, 2, 2, 1) % 3 == 0)
    second = pack_bits(np.arange(2 * 2 * 2 * 3).reshape(2, 2, 2, 3) % 2 == 0)
    conv = {**WINDOW, "kernel": (2, 2), "channels": 3, "multiplier": 1, "offset": -128}
    dense = {**WINDOW, "kernel": (2, 2), "channels": 2, "padding_value": 0}
    nodes = [
        Node("conv_u8", (0,), conv, {"weight": first}),
        Node(
            "threshold",
            (1,),
            {},
            {"threshold": np.array([-1, 0, 7], np.int32), "below": np.array([4], np.uint64)},
        ),
        Node("conv_bits", (2,), dense, {"weight": second}),
        Node(
            "affine",
            (3,),
            {},
            {"scale": np.array([0.5, 2], np.float32), "bias": np.array([0, 1], np.float32)},
        ),
        Node("clamp", (4,), {"low": -100.0, "high": float("inf")}),
    ]
    return PackedModel(nodes, Preprocessing([1 / 128], [-1.0], (3, 3), ("no", "yes")), {"a": 1})


def wide() -> PackedModel:
    """Every operation that `small` has not, on a network of branches."""
    real = np.linspace(-1, 1, 3 * 2 * 2 * 1, dtype=np.float32).reshape(3, 2, 2, 1)
    signs = pack_bits(np.arange(4 * 2 * 1 * 3).reshape(4, 2, 1, 3) % 5 < 2)
    bits = pack_bits(np.arange(6 * 2 * 2 * 2).reshape(6, 2, 2, 2) % 3 == 1)
    window = {"stride": (1, 1), "padding": (1, 0, 0, 1), "dilation": (1, 1)}
    pool = {"kernel": (2, 2), "stride": (2, 1), "padding": (0, 1, 1, 0)}
    conv = {**window, "kernel": (2, 2), "channels": 3, "groups": 1}
    tall = {**window, "kernel": (2, 1), "channels": 4, "groups": 1, "padding_value": 1}
    grouped = {**window, "kernel": (2, 2), "channels": 6, "groups": 2, "padding_value": -1}
    ends = {"threshold": np.array([0, 1, -2, 0.5], np.float32), "below": np.array([5], np.uint64)}
    one = {"scale": np.ones(6, np.float32), "bias": np.zeros(6, np.float32)}
    nodes = [
        Node(
            "normalize",
            (0,),
            {},
            {"scale": np.array([0.25], np.float32), "bias": np.array([-3], np.float32)},
        ),
        Node("conv_f32", (1,), conv, {"weight": real}),
        Node("prelu", (2,), {}, {"slope": np.array([0.5, 0, -1], np.float32)}),
        Node("add", (2, 3)),
        Node("conv_f32_bits", (4,), tall, {"weight": signs}),
        Node("threshold", (5,), {}, ends),
        Node("max_pool", (6,), {**pool, "dilation": (1, 1)}),
        Node("flip", (7,), {}, {"mask": np.array([10], np.uint64)}),
        Node("conv_bits", (8,), grouped, {"weight": bits}),
        Node("affine", (9,), {}, one),
        Node("signs", (8,)),
        Node("avg_pool", (10,), {**pool, "count_padding": False}),
        Node("avg_pool", (11,), {**pool, "count_padding": True}),
        Node("flatten", (12,)),
        Node("flatten", (13,)),
        Node("concat", (14, 15)),
        Node("softmax", (16,)),
        Node("log_softmax", (17,)),
    ]
    return PackedModel(nodes, Preprocessing([0.25], [-3.0], (5, 4)))


IMAGES = (np.arange(4 * 9) * 89 % 256).reshape(4, 3, 3, 1).astype(np.uint8)


def test_the_golden_file_is_what_the_model_writes_and_says_what_it_said():
    assert to_bytes(small()) == GOLDEN.read_bytes()
    scores = reference.scores(PackedModel.load(GOLDEN), IMAGES)
    assert scores.tolist() == [[-2.0, -7.0], [-3.0, -11.0], [1.0, 5.0], [0.0, 1.0]]


def test_the_golden_files_hold_every_operation():
    assert to_bytes(wide()) == GOLDEN.with_name("wide.signbit").read_bytes()
    used = {node.op for model in (small(), wide()) for node in model.nodes}
    assert sorted(used) == operations.names()


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
    assert again.classes == 2


def test_saving_where_it_cannot_be_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        small().save(tmp_path)


def refused(content: bytes) -> str:
    """The one line that a malformed file is refused with."""
    with pytest.raises(ModelFormatError) as caught:
        read(content)
    message = str(caught.value)
    assert message.startswith("<bytes>: ")
    assert message.isprintable()
    assert len(message) < 600
    return message


def test_cut_anywhere_it_is_refused():
    content = GOLDEN.read_bytes()
    for end in range(len(content)):
        refused(content[:end])


def test_longer_than_its_header_says_it_is_refused():
    refused(GOLDEN.read_bytes() + b"\0")


def edited(change) -> bytes:
    """The golden file with other metadata; `change` gets the parsed JSON."""
    content = GOLDEN.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    graph = json.loads(header["__metadata__"]["signbit"])
    text = change(graph)
    header["__metadata__"]["signbit"] = text if isinstance(text, str) else json.dumps(graph)
    new = json.dumps(header).encode()
    return struct.pack("<Q", len(new)) + new + content[8 + length :]


def setting(*path_and_value):
    *path, last, value = path_and_value

    def change(graph):
        for key in path:
            graph = graph[key]
        graph[last] = value

    return change


def removing(*path):
    *path, last = path

    def change(graph):
        for key in path:
            graph = graph[key]
        del graph[last]

    return change


HUGE = 1 << 16
MALFORMED = {
    "version": (setting("version", 2), "version 2; this signbit reads 1"),
    "version true": (setting("version", True), "version True"),
    "version text": (setting("version", "1" * 1000), "version"),
    "no version": (removing("version"), "version None"),
    "no graph": (removing("graph"), "field 'graph' is missing"),
    "graph object": (setting("graph", {}), "field 'graph'"),
    "no nodes": (setting("graph", []), "tensor"),
    "many nodes": (setting("graph", [{}] * 5000), "more than 4096 nodes"),
    "node text": (setting("graph", 0, "x"), "node 1: give op, inputs and attributes"),
    "node key": (setting("graph", 0, "x", 1), "node 1: give op, inputs and attributes"),
    "op number": (setting("graph", 0, "op", 3), "node 1: op, inputs or attributes"),
    "unknown op": (setting("graph", 0, "op", "eval\n\x1b"), "node 1"),
    "long op": (setting("graph", 0, "op", "x" * 9999), "node 1"),
    "forwards": (setting("graph", 0, "inputs", [3]), "reads node 3; give one before it, 0 to 0"),
    "itself": (setting("graph", 2, "inputs", [3]), "reads node 3"),
    "negative": (setting("graph", 2, "inputs", [-1]), "reads node -1"),
    "input text": (setting("graph", 2, "inputs", ["2"]), "reads node '2'"),
    "input list": (setting("graph", 2, "inputs", [[2]]), "reads node [2]"),
    "two inputs": (setting("graph", 2, "inputs", [2, 2]), "has 2 inputs, takes 1"),
    "kind": (setting("graph", 2, "inputs", [1]), "node 3 (conv_bits): reads i32"),
    "unknown attribute": (setting("graph", 0, "attributes", "x", 1), "unknown attribute 'x'"),
    "no attribute": (removing("graph", 0, "attributes", "kernel"), "'kernel' is missing"),
    "fraction": (setting("graph", 0, "attributes", "channels", 3.5), "'channels' is 3.5"),
    "true": (setting("graph", 0, "attributes", "groups", True), "'groups' is True"),
    "zero stride": (setting("graph", 0, "attributes", "stride", [0, 1]), "'stride' is [0, 1]"),
    "three sides": (setting("graph", 0, "attributes", "kernel", [1, 1, 1]), "'kernel'"),
    "side text": (setting("graph", 0, "attributes", "kernel", "ab"), "'kernel' is 'ab'"),
    "huge kernel": (setting("graph", 0, "attributes", "kernel", [HUGE, HUGE]), "node 1"),
    "huge padding": (setting("graph", 0, "attributes", "padding", [HUGE] * 4), "out of bounds"),
    "huge channels": (setting("graph", 0, "attributes", "channels", 1 << 24), "node 1"),
    "huge number": (setting("graph", 0, "attributes", "channels", 10**4000), "'channels' is"),
    "groups": (setting("graph", 2, "attributes", "groups", 2), "groups do not divide"),
    "offset": (setting("graph", 0, "attributes", "offset", 1 << 20), "'offset'"),
    "low infinite": (setting("graph", 4, "attributes", "low", "inf"), None),
    "low text": (setting("graph", 4, "attributes", "low", "minus"), "'low' is 'minus'"),
    "low double": (setting("graph", 4, "attributes", "low", 0.1), "float32"),
    "low huge": (setting("graph", 4, "attributes", "low", 10**400), "'low'"),
    "size": (setting("preprocessing", "size", [3, 1 << 30]), "size"),
    "size small": (setting("preprocessing", "size", [1, 1]), "node 1"),
    "scale": (setting("preprocessing", "scale", ["1"]), "scale"),
    "channels": (setting("preprocessing", "scale", [1.0, 1.0]), "scale has 2 channels"),
    "classes": (setting("preprocessing", "classes", ["a"]), "1 class names"),
    "preprocessing key": (setting("preprocessing", "x", 1), "unknown preprocessing field 'x'"),
    "info": (setting("info", []), "field 'info'"),
    "not json": (lambda graph: "{", "metadata is not JSON"),
    "array": (lambda graph: "[]", "metadata is not a JSON object"),
    "deep": (lambda graph: "[" * 100_000, "metadata is not JSON"),
    "digits": (lambda graph: '{"version":' + "1" * 10_000 + "}", "metadata is not JSON"),
    "long": (lambda graph: json.dumps("x" * (1 << 22)), "metadata of"),
}


@pytest.mark.parametrize(("change", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_metadata_is_refused_with_the_place(change, message):
    if message is None:  # allowed alone: infinity is the upper end as well
        assert read(edited(change)).classes == 2
    else:
        assert message in refused(edited(change))


def test_a_last_node_that_gives_no_scores_is_refused():
    nodes = list(small().nodes)[:1]
    with pytest.raises(ModelFormatError, match="the last node gives i32 2x2x3"):
        PackedModel(nodes, small().preprocessing)


def rewritten(**changes) -> bytes:
    """The golden file with other tensors; None removes one."""
    model = small()
    tensors = {f"{i}.{k}": v for i, n in enumerate(model.nodes, 1) for k, v in n.tensors.items()}
    tensors |= changes
    content = GOLDEN.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    metadata = json.loads(content[8 : 8 + length])["__metadata__"]
    return save({key: value for key, value in tensors.items() if value is not None}, metadata)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"1.weight": None}, "has tensors [], needs ['weight']"),
        ({"9.x": np.zeros(1, np.float32)}, "tensor '9.x' belongs to no node"),
        ({"1.x": np.zeros(1, np.float32)}, "has tensors ['weight', 'x']"),
        ({"1.weight": np.zeros((3, 2, 2, 2), np.uint64)}, "needs uint64 of shape (3, 2, 2, 1)"),
        ({"1.weight": np.zeros((3, 2, 2, 1), np.int32)}, "tensor 'weight' is int32"),
        ({"1.weight": np.zeros((3, 2, 2, 1), np.int64)}, "is of type I64"),
        ({"1.weight": np.full((3, 2, 2, 1), 2, np.uint64)}, "bits set beyond its 1 channels"),
        ({"2.below": np.array([8], np.uint64)}, "'below' has bits set beyond its 3 channels"),
        ({"2.threshold": np.zeros(3, np.float32)}, "tensor 'threshold' is float32"),
        ({"2.threshold": np.zeros(0, np.int32)}, "of shape (0,)"),
    ],
    ids=[
        "missing",
        "foreign",
        "extra",
        "shape",
        "dtype",
        "type",
        "tail",
        "mask tail",
        "kind",
        "empty",
    ],
)
def test_wrong_tensors_are_refused(changes, message):
    assert message in refused(rewritten(**changes))


def reshaped(name: str, shape: list[int], data: int | None = None) -> bytes:
    """The golden file, a tensor of which says another shape, of `data` bytes from the start."""
    content = GOLDEN.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header[name]["shape"] = shape
    body = content[8 + length :]
    if data is not None:
        # The library wants offsets without gaps: this tensor alone, whose bytes these are.
        kept = {"__metadata__": header["__metadata__"], name: header[name]}
        kept[name]["data_offsets"] = [0, data]
        header, body = kept, bytes(data)
    new = json.dumps(header).encode()
    return struct.pack("<Q", len(new)) + new + body


@pytest.mark.parametrize(
    ("shape", "data", "message"),
    [
        ([1] * 65, 8, "tensor '1.weight': maximum supported dimension"),
        ([0, 2**63], 0, "1.weight|not a .signbit file"),
        ([], 8, r"node 1 .*'weight'"),
    ],
    ids=["dimensions", "size", "scalar"],
)
def test_shapes_that_no_array_has_are_refused(shape, data, message):
    assert re.search(message, refused(reshaped("1.weight", shape, data)))


def test_a_file_with_metadata_of_nothing_is_refused():
    header = b'{"__metadata__":null}'
    message = refused(struct.pack("<Q", len(header)) + header)
    assert "without the metadata" in message or "not a .signbit file" in message


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
    with pytest.raises(ModelFormatError, match="bytes of values, with their padding"):
        jumping(1)


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


def test_sums_that_could_overflow_are_refused():
    conv = {**WINDOW, "kernel": (512, 512), "channels": 1, "multiplier": 255, "offset": 0}
    nodes = [Node("conv_u8", (0,), conv, {})]
    with pytest.raises(ModelFormatError, match="can overflow 32 bits"):
        PackedModel(nodes, Preprocessing([1.0], [0.0], (512, 512)))


def test_other_files_are_refused():
    assert "without the metadata of a packed network" in refused(save({}, {"a": "b"}))
    assert "not a .signbit file" in refused(b"PK\x03\x04" * 100)
    assert "not a .signbit file" in refused(struct.pack("<Q", 1 << 60) + b"{}")


def test_control_characters_of_a_file_are_shown_as_escapes():
    content = GOLDEN.read_bytes().replace(b'"dtype":"U64"', b'"dtype":"U\x7f4"', 1)
    assert "U\\x7f4" in refused(content)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(ModelFormatError, match=r"^/dev/zero: a device or pipe"):
        PackedModel.load("/dev/zero")
    for path in (tmp_path / "no.signbit", tmp_path):
        with pytest.raises(ModelFormatError, match=f"^{path}: cannot be read: "):
            PackedModel.load(path)


def test_hostile_files_take_little_memory(tmp_path):
    """Every malformed file, in a process that may not have more than 1 GB."""
    for name, (change, _) in MALFORMED.items():
        (tmp_path / f"{name}.signbit").write_bytes(edited(change))
    code = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from pathlib import Path
from signbit.errors import ModelFormatError
from signbit.format import PackedModel
for path in Path(sys.argv[1]).iterdir():
    try:
        PackedModel.load(path)
    except ModelFormatError:
        pass
# Of this program alone: getrusage would count the process that it was forked from.
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) < 200

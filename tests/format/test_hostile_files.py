"""Files that others made: cut, edited, untrue about themselves."""

import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from helpers.files import GOLDEN, framed, parts, resealed, small
from safetensors.numpy import save

from signbit.errors import ModelFormatError
from signbit.format import PackedModel
from signbit.format.file import read


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
    """The golden file with other metadata and a digest that fits.

    `change` gets the parsed JSON, and returns the text where that should be another one.
    """
    header, graph, data = parts(GOLDEN.read_bytes())
    text = change(graph)
    header["__metadata__"]["signbit"] = text if isinstance(text, str) else json.dumps(graph)
    return resealed(framed(header, data))


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
    "version": (setting("version", 3), "version 3; this signbit reads 1 and 2"),
    "version 0": (setting("version", 0), "version 0; this signbit reads 1 and 2"),
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
    "two inputs": (setting("graph", 2, "inputs", [2, 2]), "has 2 inputs; it accepts 1"),
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
    "huge number": (setting("graph", 0, "attributes", "channels", 10**999), "'channels' is"),
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
    "classes": (
        setting("preprocessing", "classes", ["a"]),
        "output 'scores' has 1 names, but node 5 returns 2",
    ),
    "preprocessing key": (setting("preprocessing", "x", 1), "unknown preprocessing field 'x'"),
    "info": (setting("info", []), "field 'info'"),
    "not json": (lambda graph: "{", "metadata is not JSON"),
    "array": (lambda graph: "[]", "metadata is not a JSON object"),
    "deep": (lambda graph: "[" * 100_000, "metadata is not JSON: more than 64 objects and lists"),
    "digits": (lambda graph: '{"version":' + "1" * (1 << 20) + "}", "of 1048576 digits"),
    "twice": (lambda graph: '{"version": 1, "version": 1}', "the key 'version' occurs twice"),
    "nan": (setting("info", "x", float("nan")), "NaN is not a number in JSON"),
    "infinity": (setting("info", "x", float("-inf")), "-Infinity is not a number in JSON"),
    "surrogate": (setting("info", "x", "\ud800"), "surrogates not allowed"),
    "field": (setting("x", 1), "metadata: unknown field 'x'"),
    "digest": (setting("digest", "0" * 63), "damaged"),
    "digest null": (setting("digest", None), "damaged"),
    "long": (lambda graph: json.dumps("x" * (1 << 22)), "the metadata has"),
}


@pytest.mark.parametrize(("change", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_metadata_is_refused_with_the_place(change, message):
    if message is None:  # allowed alone: infinity is the upper end as well
        assert read(edited(change)).outputs[0].names == ("no", "yes")
    else:
        assert message in refused(edited(change))


def test_a_last_node_that_gives_no_scores_is_refused():
    nodes = list(small().nodes)[:1]
    with pytest.raises(
        ModelFormatError, match="output 'scores': node 1 returns i32 2x2x3, which has more axes"
    ):
        PackedModel(nodes, small().preprocessing)


def rewritten(**changes) -> bytes:
    """The golden file with other tensors, and a digest that fits; None removes one."""
    model = small()
    tensors = {f"{i}.{k}": v for i, n in enumerate(model.nodes, 1) for k, v in n.tensors.items()}
    tensors |= changes
    metadata = parts(GOLDEN.read_bytes())[0]["__metadata__"]
    kept = {key: value for key, value in tensors.items() if value is not None}
    return resealed(save(kept, metadata))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"1.weight": None}, "has tensors []; it needs ['weight']"),
        ({"9.x": np.zeros(1, np.float32)}, "tensor '9.x' belongs to no node"),
        ({"1.x": np.zeros(1, np.float32)}, "has tensors ['weight', 'x']"),
        ({"1.weight": np.zeros((3, 2, 2, 2), np.uint64)}, "needs uint64 of shape (3, 2, 2, 1)"),
        ({"1.weight": np.zeros((3, 2, 2, 1), np.int32)}, "tensor 'weight' is int32"),
        ({"1.weight": np.zeros((3, 2, 2, 1), np.int64)}, "is of type I64"),
        ({"1.weight": np.full((3, 2, 2, 1), 2, np.uint64)}, "bits set beyond its 1 channels"),
        ({"2.below": np.array([8], np.uint64)}, "'below' has bits set beyond its 3 channels"),
        ({"2.threshold": np.zeros(3, np.float32)}, "tensor 'threshold' is float32"),
        (
            {"2.threshold": np.zeros(0, np.int32)},
            "1 dimensions; 0 to 8 of 1 or more",
        ),
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


def entry_edited(**changes) -> bytes:
    """The golden file, the first tensor of which says something else of itself."""
    header, _, data = parts(GOLDEN.read_bytes())
    header["1.weight"] |= changes
    return resealed(framed(header, data))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": [1] * 65}, "has 65 dimensions"),
        ({"shape": [0, 2**63]}, "has 2 dimensions; 0 to 8 of 1 or more"),
        ({"shape": [1 << 62, 1 << 62]}, "has a size that does not fit its shape"),
        ({"shape": [3, -4]}, "a shape or offsets that are not sizes"),
        ({"shape": [True]}, "a shape or offsets that are not sizes"),
        ({"shape": 12}, "a shape or offsets that are not sizes"),
        ({"shape": [12]}, "tensor 'weight' is uint64 of shape (12,)"),
        ({"data_offsets": [0]}, "a shape or offsets that are not sizes"),
        ({"data_offsets": [0, 96, 96]}, "a shape or offsets that are not sizes"),
        ({"data_offsets": [96, 0]}, "has a size that does not fit its shape"),
        ({"data_offsets": [8, 104]}, "does not begin where the last one ends"),
        ({"data_offsets": [1 << 62, (1 << 62) + 96]}, "does not begin where the last one ends"),
        ({"dtype": 3}, "is of type 3; U64, I32, F32 are allowed"),
        ({"dtype": ["U64"]}, "is of type ['U64']; U64"),
        ({"x": 1}, "needs dtype, shape and data_offsets, and nothing else"),
    ],
)
def test_entries_that_no_tensor_has_are_refused(changes, message):
    assert message in refused(entry_edited(**changes))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b'{"a":1,"a":1}', "its header is not JSON: the key 'a' occurs twice"),
        (b'{"a":{"b":NaN}}', "its header is not JSON: NaN"),
        (b'{"a":1e999}', "its header is not JSON: the number 1e999 is too large"),
        (b'{"\\udc00":1}', "its header is not JSON: "),
        (b'{"a":"\xff"}', "its header is not JSON: "),
        (b'{"a":' + b"9" * 5000 + b"}", "a whole number of 5000 digits"),
        (b'{"a":' + b"[" * 5000, "more than 64 objects and lists nested in one another"),
        (b"[" + b"[]," * (1 << 18), "more than 262144 values"),
        (b"[]", "its header is not a JSON object"),
        (b'{"__metadata__":[]}', "its '__metadata__' is not a JSON object"),
        (b'{"__metadata__":null}', "its '__metadata__' is not a JSON object"),
        (b'{"__metadata__":{"signbit":{}}}', "without the metadata of a packed network"),
        (b'{"a":[]}', "tensor 'a' needs dtype, shape and data_offsets"),
        (b"{}" + b" " * (1 << 24), "its header has 16777218 bytes; at most 16777216"),
    ],
)
def test_headers_that_no_writer_makes_are_refused(header, message):
    assert message in refused(framed(header))


def test_other_files_are_refused():
    assert "without the metadata of a packed network" in refused(save({}, {"a": "b"}))
    assert "not a .signbit file" in refused(b"PK\x03\x04" * 100)
    assert "not a .signbit file" in refused(struct.pack("<Q", 1 << 60) + b"{}")


def test_control_characters_of_a_file_are_shown_as_escapes():
    content = GOLDEN.read_bytes().replace(b'"dtype":"U64"', b'"dtype":"U\x7f4"', 1)
    assert "U\\x7f4" in refused(content)


def many_tensors(count: int) -> bytes:
    """As many empty tensors, which no node has."""
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return framed({f"{index}.x": entry for index in range(count)})


def test_hostile_files_take_little_memory(tmp_path):
    """Every malformed file, in a process that may not have more than 1 GB."""
    for name, (change, _) in MALFORMED.items():
        (tmp_path / f"{name}.signbit").write_bytes(edited(change))
    for count in (40_000, 200_000, 600_000):
        (tmp_path / f"{count} tensors.signbit").write_bytes(many_tensors(count))
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

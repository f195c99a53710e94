"""Damaged and hostile checkpoints are refused in one line, and nothing large is allocated."""

import json
import random
import struct

import pytest
import torch
from models.checkpoint.conftest import assert_refused, rewrite
from safetensors.torch import load_file, save_file

from signbit.errors import CheckpointError
from signbit.models._checkpoint import _parse
from signbit.models._safetensors import from_bytes


@pytest.mark.parametrize("length", [0, 4, 8, 100, 1000, 4000])
def test_truncated_file_is_refused(path, length):
    path.write_bytes(path.read_bytes()[:length])
    assert_refused(path, "damaged" if length == 4000 else "not a readable .safetensors")


def test_trailing_bytes_are_refused(path):
    path.write_bytes(path.read_bytes() + b"\0" * 8)
    assert_refused(path, "damaged")


def test_trailing_bytes_of_a_file_without_a_digest_are_refused(path, header):
    rewrite(path, header)
    path.write_bytes(path.read_bytes() + b"\0" * 8)
    assert_refused(path, "not a readable .safetensors")


@pytest.mark.parametrize(
    ("table", "body"),
    [
        ({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}}, b"\0" * 4),
        ({"w": {"dtype": "F32", "shape": [1 << 62, 16], "data_offsets": [0, 4]}}, b"\0" * 4),
        ({"w": {"dtype": "I1024", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4),
        ({"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, b"\0" * 8),
    ],
)
def test_tensor_table_that_does_not_fit_the_file_is_refused(tmp_path, table, body):
    text = json.dumps(table).encode()
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    assert_refused(path, "not a readable .safetensors")


def test_deep_table_is_refused(tmp_path):
    text = b'{"w":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    path = tmp_path / "deep.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    assert_refused(path, "not a readable .safetensors")


@pytest.mark.parametrize("version", [2, 0, "1", None, True, 1.0, [1]])
def test_other_version_is_refused(path, header, version):
    rewrite(path, header | {"version": version})
    assert_refused(path, "checkpoint version", "reads version 1")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[" * 100_000 + "]" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ("x" * (1 << 20) + "x", "metadata has 1048577 characters"),
    ],
)
def test_metadata_that_is_no_header_is_refused(path, text, part):
    rewrite(path, text)
    assert_refused(path, part)


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("model", None, "'model'"),
        ("model", {"name": "digits_binary"}, "no name or no options"),
        ("model", {"name": 5, "options": {}}, "no name or no options"),
        ("model", {"name": "digit_binary", "options": {}}, "Did you mean 'digits_binary'"),
        ("model", {"name": "digits_binary", "options": {"widht": 4}}, "Did you mean 'width'"),
        ("preprocessing", [], "'preprocessing'"),
        ("preprocessing", {}, "'scale' is missing"),
        ("info", 3, "'info'"),
    ],
)
def test_wrong_field_is_named(path, header, field, value, part):
    rewrite(path, header | {field: value})
    assert_refused(path, part)


@pytest.mark.parametrize(
    "change",
    [
        {"scale": [float("nan")]},
        {"scale": [10**400]},
        {"size": [8]},
        {"size": [8, 1 << 40]},
        {"scale": [1.0] * 3, "bias": [0.0] * 3},
        {"size": [2, 2]},
        {"classes": ["one"]},
        {"classes": 7},
        {"classes": ["a"] * 10},
        {"unknown": 1},
    ],
)
def test_preprocessing_that_does_not_suit_the_model_is_refused(path, header, change):
    rewrite(path, header | {"preprocessing": header["preprocessing"] | change})
    assert_refused(path, "metadata: ")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("digits_binary", {"width": 1 << 20}),
        ("digits_binary", {"width": 1 << 60}),
        ("digits_binary", {"width": -4}),
        ("digits_binary", {"width": 1e300}),
        ("digits_binary", {"width": "4"}),
        ("digits_binary", {"width": None}),
        ("digits_binary", {"input_size": [1 << 20, 1 << 20], "num_classes": 1 << 20}),
        ("digits_binary", {"input_quantizer": ["ste_sign"]}),
        ("mlp_binary", {"hidden": [1 << 20] * 8}),
        ("mlp_binary", {"hidden": [1] * 100_000}),
        ("mlp_binary", {"in_channels": 1 << 20, "input_size": [1 << 20, 1 << 20]}),
        ("vgg_cifar10_binary", {"inflation": 1e999}),
        ("vgg_cifar10_binary", {"inflation": float("nan")}),
    ],
)
def test_options_that_ask_for_terabytes_allocate_nothing(path, header, name, options):
    rewrite(path, header | {"model": {"name": name, "options": options}})
    assert_refused(path)


def test_differing_keys_are_all_listed_in_one_error(path, header):
    tensors = load_file(path)
    del tensors["features.0.weight"], tensors["features.5.bias"]
    tensors["features.99.weight"] = torch.zeros(1)
    tensors["features.3.weight"] = torch.zeros(2, 3)
    tensors["classifier.0.weight"] = tensors["classifier.0.weight"].int()
    save_file(tensors, path, metadata={"signbit": json.dumps(header)})
    assert_refused(
        path,
        "missing: features.0.weight, features.5.bias;",
        "unexpected: features.99.weight;",
        "wrong shape: features.3.weight is 2x3, the model has 8x4x3x3;",
        "wrong type: classifier.0.weight is torch.int32, the model has torch.float32",
    )


def test_long_lists_and_odd_names_stay_readable(path, header):
    tensors = load_file(path) | {f"extra.{i}": torch.zeros(1) for i in range(30)}
    tensors |= {"a\nb\x1b[31m": torch.zeros(1), "k" * 5000: torch.zeros(1)}
    save_file(tensors, path, metadata={"signbit": json.dumps(header)})
    assert_refused(path, r"'a\nb\x1b[31m'", "and 12 more")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_refused(path, header, value):
    tensors = load_file(path)
    tensors["features.1.running_var"][1] = value
    save_file(tensors, path, metadata={"signbit": json.dumps(header)})
    assert_refused(path, "features.1.running_var has NaN or infinite values; the training diverged")


def test_values_that_overflow_when_narrowed_are_refused(path, header):
    tensors = load_file(path)
    tensors["features.1.bias"] = tensors["features.1.bias"].double() + 1e300
    save_file(tensors, path, metadata={"signbit": json.dumps(header)})
    assert_refused(path, "features.1.bias has NaN or infinite values")


def test_metadata_that_could_be_read_in_two_ways_is_refused(path, header):
    rewrite(path, json.dumps(header)[:-1] + ', "info": {}}')
    assert_refused(path, "metadata: not JSON: the key 'info' occurs twice")


def test_a_table_of_as_many_tensors_as_are_allowed_is_read():
    entry = {"dtype": "F32", "shape": [1, 1, 0, 1], "data_offsets": [0, 0]}
    text = json.dumps({str(i): entry for i in range(32768)}).encode()
    tensors, _ = from_bytes("x", struct.pack("<Q", len(text)) + text)
    assert len(tensors) == 32768


def test_every_changed_bit_is_refused(path):
    whole = path.read_bytes()
    table = 8 + struct.unpack("<Q", whole[:8])[0]
    draw = random.Random(0)
    places = [*range(table), *draw.choices(range(table, len(whole)), k=200)]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << draw.randrange(8)
        with pytest.raises(CheckpointError):
            _parse("x", from_bytes("x", bytes(damaged))[1] or {})


def test_a_changed_weight_is_one_line_that_says_what_to_do(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert_refused(path, "damaged", "copy it again, or train again")


def test_an_unknown_field_is_refused(path, header):
    rewrite(path, header | {"sha257": "0" * 64})
    assert_refused(path, "unknown field 'sha257'")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (struct.pack("<Q", 1 << 62) + b"{}", "its table has 4611686018427387904 bytes"),
        (struct.pack("<Q", (1 << 22) + 1) + b"{}", "its table has 4194305 bytes"),
    ],
)
def test_a_table_is_bounded_before_it_is_parsed(path, content, part):
    path.write_bytes(content)
    assert_refused(path, part)


def test_the_number_of_tensors_is_bounded(path):
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    text = json.dumps({str(i): entry for i in range(40_000)}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    assert_refused(path, "40000 tensors; at most 32768 are allowed")

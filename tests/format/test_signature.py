"""Inputs and outputs: what may be said of them, and what a hostile file may not."""

import json
from dataclasses import replace

import pytest
from helpers.files import ends, framed, parts, resealed

from signbit.errors import ModelFormatError, UsageError
from signbit.format import Input, Output, PackedModel, Preprocessing, Signature
from signbit.format.file import to_bytes
from signbit.format.types import ValueType


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ((5,), ValueType("f32", 1, 1, 5)),
        ((7, 5), ValueType("f32", 1, 7, 5)),
        ((6, 7, 5), ValueType("f32", 6, 7, 5)),
    ],
)
def test_a_shape_of_any_rank_is_a_value_of_the_graph(shape, value):
    assert Input.numbers("x", shape).type == value


def test_fixed_point_has_one_step_for_all_channels():
    one = Input.fixed_point("x", (3,), step=0.25, lowest=-32)
    assert (one.kind, one.scale, one.bias) == ("u8", (0.25,) * 3, (-32.0,) * 3)


def test_a_short_form_comes_back():
    pixels = Preprocessing([0.5, 1, 2], [0, 1, 2], (4, 5), ("a", "b"))
    assert Signature.of_images(pixels, 7).preprocessing() == pixels
    cropped = replace(pixels, crop=0.875)
    assert Signature.of_images(cropped, 7).preprocessing() == cropped


def test_other_networks_have_no_short_form():
    message = (
        r"accepts image \(u8, 2, 2, 1\), wave \(f32, 3, 2\), flags \(bits, 5\) and returns answer"
    )
    with pytest.raises(UsageError, match=message):
        _ = ends().preprocessing


def without(name):
    return lambda entry: entry.pop(name)


def setting(name, value):
    return lambda entry: entry.update({name: value})


BAD_INPUTS = {
    "no name": (without("name"), "input 1: field 'name' is missing"),
    "no kind": (without("kind"), "input 1: field 'kind' is missing"),
    "unknown": (setting("x", 1), "input 1: unknown field 'x'"),
    "name": (setting("name", "a b"), "input name 'a b'; give an identifier"),
    "number": (setting("name", 3), "input name 3"),
    "node's name": (setting("name", "n07"), "not n with a number"),
    "same name": (setting("name", "wave"), "two inputs or outputs have the name 'wave'"),
    "output's name": (setting("name", "tags"), "have the name 'tags'"),
    "kind": (setting("kind", "i32"), "input 'image': kind is 'i32'; give one of u8, f32, bits"),
    "kinds": (setting("kind", ["u8"]), "input 'image': kind is ['u8']"),
    "shape": (setting("shape", "322"), "input 'image': shape is '322'"),
    "rank": (setting("shape", [1, 2, 2, 1]), "shape is [1, 2, 2, 1]; give (channels,)"),
    "zero": (setting("shape", [2, 2, 0]), "shape is [2, 2, 0]"),
    "true": (setting("shape", [2, 2, True]), "shape is [2, 2, True]"),
    "huge": (setting("shape", [2, 2, 1 << 40]), "input 'image': a value of 2x2x"),
    "scale": (setting("scale", []), "input 'image': scale has 0 entries"),
    "scales": (setting("scale", [1, 2]), "scale has 2 entries; give one, or one for each of 1"),
    "infinite": (setting("bias", ["inf"]), "input 'image': bias holds 'inf'"),
    "no scale": (without("scale"), "input 'image': scale has 0 entries"),
    "of numbers": (setting("kind", "f32"), "scale is only for u8"),
    "no shape": (without("shape"), "input 1: field 'shape' is missing"),
    "no bias": (without("bias"), "input 'image': bias has 0 entries"),
    "empty name": (setting("name", ""), "input name ''; give an identifier"),
    "long name": (setting("name", "a" * 65), "at most 64 ASCII letters"),
    "digit": (setting("name", "1a"), "input name '1a'"),
    "letter": (setting("name", "é"), "input name 'é'"),
    "newline": (setting("name", "a\n"), "input name 'a\\n'"),
    "node's part": (setting("name", "n3_sum"), "not n with a number"),
    "no kind at all": (setting("kind", None), "input 'image': kind is None"),
    "no rank": (setting("shape", []), "shape is []; give (channels,)"),
    "shape of numbers": (setting("shape", [2, 2.0, 1]), "shape is [2, 2.0, 1]"),
    "negative side": (setting("shape", [-2, 2, 1]), "shape is [-2, 2, 1]"),
    "side": (setting("shape", [65537, 1, 1]), "a value of 65537x1x1 is out of bounds"),
    "elements": (setting("shape", [65536, 65536, 1]), "a value of 65536x65536x1 is out of"),
    "one number": (setting("shape", 4), "shape is 4"),
    "scale true": (setting("scale", [True]), "scale holds True"),
    "scale number": (setting("scale", 1.0), "scale is 1.0; give a list"),
    "many scales": (setting("scale", [1.0] * 4097), "scale has 4097 entries; give 1 to 4096"),
    "huge bias": (setting("bias", [10**400]), "give finite numbers"),
    "biases": (setting("bias", [1, 2]), "bias has 2 entries; give one, or one for each of 1"),
    "no list": (setting("scale", None), "scale is None; give a list"),
    "crop": (setting("crop", 1.5), "input 'image': crop is 1.5; give a share of the image"),
    "crop true": (setting("crop", True), "input 'image': crop is True"),
    "crop of codes": (
        lambda entry: entry.update({"crop": 0.5, "shape": [4]}),
        "crop is only for pictures, u8 with 1 or 3 channels",
    ),
}
BAD_OUTPUTS = {
    "no node": (without("node"), "output 1: field 'node' is missing"),
    "no names": (without("names"), "output 1: field 'names' is missing"),
    "kind": (setting("kind", "map"), "kind is 'map'; give one of classes, labels, numbers"),
    "an input": (
        setting("node", 2),
        "output 'answer': node is 2; give the number of a node, 3 to 9",
    ),
    "behind": (setting("node", 10), "node is 10; give the number of a node, 3 to 9"),
    "negative": (setting("node", -1), "node is -1; give"),
    "true": (setting("node", True), "node is True; give a number"),
    "twice": (setting("node", 6), "two outputs are the value of node 6"),
    "rank": (setting("rank", 4), "rank is 4; give 1, 2 or 3"),
    "other channels": (setting("node", 5), "has 3 names, but node 5 returns 2 channels"),
    "names": (
        setting("names", ["a"]),
        "output 'answer' has 1 names, but node 9 returns 3 channels",
    ),
    "same names": (setting("names", ["a", "a", "b"]), "two names are the same"),
    "line": (setting("names", ["a", "b\n", "c"]), "give text without control characters"),
    "no name": (without("name"), "output 1: field 'name' is missing"),
    "no kind": (without("kind"), "output 1: field 'kind' is missing"),
    "no rank": (without("rank"), "output 1: field 'rank' is missing"),
    "unknown": (setting("scale", [1]), "output 1: unknown field 'scale'"),
    "name": (setting("name", "a-b"), "output name 'a-b'; give an identifier"),
    "node's name": (setting("name", "n9"), "output name 'n9'"),
    "input's name": (setting("name", "flags"), "have the name 'flags'"),
    "kinds": (setting("kind", ["classes"]), "output 'answer': kind is ['classes']"),
    "fraction": (setting("node", 9.0), "node is 9.0; give a number"),
    "huge": (setting("node", 10**30), "output 'answer': node is 1"),
    "text": (setting("node", "9"), "node is '9'; give a number"),
    "rank 0": (setting("rank", 0), "rank is 0; give 1, 2 or 3"),
    "rank true": (setting("rank", True), "rank is True; give 1, 2 or 3"),
    "rank fraction": (setting("rank", 1.5), "rank is 1.5"),
    "names text": (setting("names", "abc"), "names is 'abc'; give a list of names"),
    "names null": (setting("names", None), "names is None; give a list of names"),
    "names numbers": (setting("names", [1, 2, 3]), "give a list of names"),
    "separator": (setting("names", ["a", "b\u2028", "c"]), "give text without control characters"),
}


def changed(field: str, change) -> bytes:
    header, graph, data = parts(to_bytes(ends()))
    change(graph[field][0])
    header["__metadata__"]["signbit"] = json.dumps(graph)
    return resealed(framed(header, data))


@pytest.mark.parametrize(
    ("cases", "field"), [(BAD_INPUTS, "inputs"), (BAD_OUTPUTS, "outputs")], ids=["in", "out"]
)
def test_every_field_is_damaged_by_a_test(cases, field):
    """By a wrong value, and by leaving it out."""
    (first, *_) = parts(to_bytes(ends()))[1][field]
    damaged, missing = set(), set()
    for change, _ in cases.values():
        entry = dict(first)
        change(entry)
        damaged |= {name for name in first if name in entry and entry[name] != first[name]}
        missing |= set(first) - set(entry)
    assert damaged == set(first)
    assert missing == set(first)


@pytest.mark.parametrize(("change", "message"), BAD_INPUTS.values(), ids=BAD_INPUTS)
def test_bad_inputs_are_refused_with_the_field(change, message):
    with pytest.raises(ModelFormatError) as caught:
        PackedModel.load(changed("inputs", change))
    assert message in str(caught.value)


@pytest.mark.parametrize(("change", "message"), BAD_OUTPUTS.values(), ids=BAD_OUTPUTS)
def test_bad_outputs_are_refused_with_the_field(change, message):
    with pytest.raises(ModelFormatError) as caught:
        PackedModel.load(changed("outputs", change))
    assert message in str(caught.value)


@pytest.mark.parametrize("field", ["inputs", "outputs"])
@pytest.mark.parametrize("value", [[], [1], "ab", None, {}, [[]], "many"])
def test_lists_of_another_form_are_refused(field, value):
    header, graph, data = parts(to_bytes(ends()))
    graph[field] = graph[field] * 30 if value == "many" else value
    header["__metadata__"]["signbit"] = json.dumps(graph)
    with pytest.raises(ModelFormatError, match=field[:-1]):
        PackedModel.load(resealed(framed(header, data)))


def test_scores_of_classes_are_numbers_of_one_row():
    for node, rank, message in (
        (4, 1, "returns i32 1x1x2; scores of classes must be f32"),
        (6, 1, "axes"),
    ):
        with pytest.raises(ModelFormatError, match=message):
            PackedModel(
                ends().nodes, Signature(ends().inputs, [Output("a", "classes", node, rank)])
            )


def test_many_channels_of_one_step_need_one_number():
    one = Input.fixed_point("x", (5000,), 1.0)
    assert one.scale == (1.0,)
    assert Input(**one.to_dict()) == one

"""Several inputs and outputs, of every kind and rank, and values from inside."""

import pickle

import numpy as np
import pytest
from helpers.files import ends, small

import signbit
from signbit.errors import InputTypeError, UsageError
from signbit.format import Output, PackedModel, Signature
from signbit.format.bits import pack_bits
from signbit.format.file import to_bytes
from signbit.runtime import reference
from signbit.runtime.engine import Engine, available_isas
from signbit.runtime.samples import random_inputs

GIVEN = random_inputs(ends(), 5)


def equal(found: dict, wanted: dict) -> None:
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("isa", available_isas())
def test_each_output_is_that_of_the_reference(threads, isa):
    engine = Engine(ends(), threads, isa)
    wanted = reference.outputs(ends(), GIVEN)
    equal(engine(GIVEN), wanted)
    for count in (1, 2):
        equal(
            engine({name: one[:count] for name, one in GIVEN.items()}),
            {name: one[:count] for name, one in wanted.items()},
        )


def test_outputs_have_the_shape_of_their_rank_and_the_type_of_their_value():
    found = Engine(ends())(GIVEN)
    assert {name: (one.shape, one.dtype.name) for name, one in found.items()} == {
        "answer": ((5, 3), "float32"),
        "tags": ((5, 3, 2), "float32"),
        "sums": ((5, 2), "int32"),
        "bright": ((5, 2, 2, 1), "bool"),
    }


def test_arrays_in_torchs_order_are_the_same_numbers():
    swapped = {name: np.moveaxis(one, -1, 1) for name, one in GIVEN.items()}
    found = signbit.load(to_bytes(ends()), layout="torch")(swapped)
    wanted = Engine(ends())(GIVEN)
    assert found["tags"].shape == (5, 2, 3)
    assert found["bright"].shape == (5, 1, 2, 2)
    equal(found, {name: np.moveaxis(one, -1, 1) for name, one in wanted.items()})


def test_bits_are_taken_as_words_too():
    words = GIVEN | {"flags": pack_bits(GIVEN["flags"])}
    equal(Engine(ends())(words), Engine(ends())(GIVEN))
    equal(reference.outputs(ends(), words), reference.outputs(ends(), GIVEN))


def test_numbers_may_lie_at_any_address():
    wave = GIVEN["wave"]
    memory = np.frombuffer(b"." + wave.tobytes(), np.uint8)[1:]
    moved = memory.view(np.float32).reshape(wave.shape)
    assert not moved.flags.aligned
    equal(Engine(ends())(GIVEN | {"wave": moved}), Engine(ends())(GIVEN))


@pytest.mark.parametrize(
    ("changed", "kind", "message"),
    [
        (
            {"wave": None},
            InputTypeError,
            r"input 'wave' is NoneType; .* float32 of shape \(N, 3, 2\)",
        ),
        ({"wave": np.zeros((5, 3, 2))}, InputTypeError, r"'wave' is float64"),
        ({"wave": np.zeros((5, 6), np.float32)}, UsageError, r"'wave' has the shape \(5, 6\)"),
        (
            {"wave": np.zeros((4, 3, 2), np.float32)},
            UsageError,
            "4 samples, but 'image' has 5; give the same",
        ),
        ({"wave": np.float32(0)}, InputTypeError, "'wave' is float32; .* of shape"),
        (
            {"image": np.zeros((5, 2, 2), np.uint8)},
            UsageError,
            r"accepts uint8 of shape \(N, 2, 2, 1\)",
        ),
        (
            {"flags": np.zeros((5, 5), np.uint8)},
            InputTypeError,
            r"bool of shape \(N, 5\), or uint64",
        ),
        ({"flags": np.full((5, 1), 32, np.uint64)}, UsageError, "bits set beyond 5 channels"),
        ({"flags": np.zeros((5, 5), np.uint64)}, UsageError, r"words of shape \(N, 1\)"),
        ({"other": 1}, UsageError, "unknown input 'other'; known: flags, image, wave"),
    ],
)
def test_wrong_arrays_are_refused_by_the_name_of_the_input(changed, kind, message):
    with pytest.raises(kind, match=message):
        Engine(ends())(GIVEN | changed)


def test_nan_is_refused_with_its_place_and_infinity_is_a_number():
    wave = GIVEN["wave"].copy()
    wave[3, 2, 1] = np.nan
    with pytest.raises(UsageError, match=r"input 'wave': sample 3 holds NaN at \(2, 1\)"):
        Engine(ends())(GIVEN | {"wave": wave})
    wave[3, 2] = np.inf, -np.inf
    assert Engine(ends())(GIVEN | {"wave": wave})["tags"][3, 2].tolist() == [3.0, -1.0]


def test_nan_behind_a_mask_is_seen():
    wave = np.ma.masked_invalid(np.full((5, 3, 2), np.nan, np.float32))
    with pytest.raises(UsageError, match=r"'wave': sample 0 holds NaN at \(0, 0\)"):
        Engine(ends())(GIVEN | {"wave": wave})


def test_a_missing_input_or_a_plain_array_for_several_is_refused():
    with pytest.raises(UsageError, match="input 'flags' is missing; the network needs image, wave"):
        Engine(ends())({name: GIVEN[name] for name in ("image", "wave")})
    with pytest.raises(InputTypeError, match="several inputs; give a dict of arrays: image, wave"):
        Engine(ends())(GIVEN["image"])


def test_one_input_may_be_given_by_its_name():
    images = random_inputs(small(), 2)
    np.testing.assert_array_equal(Engine(small())(images), Engine(small())(images["pixels"]))


def test_classify_is_for_one_output_of_classes():
    engine = Engine(ends())
    np.testing.assert_array_equal(engine.classify(GIVEN), engine(GIVEN)["answer"].argmax(1))
    assert engine.classes == 3
    numbers = PackedModel(ends().nodes, Signature(ends().inputs, [Output("sums", "numbers", 4)]))
    with pytest.raises(UsageError, match=r"one output of classes, not for sums \(numbers\)"):
        Engine(numbers).classify(GIVEN)


@pytest.mark.parametrize("layout", ["file", "torch"])
def test_a_map_of_classes_is_a_map_of_answers(layout):
    signature = Signature(ends().inputs, [Output("answer", "classes", 6, 2)])
    engine = Engine(PackedModel(ends().nodes, signature), layout=layout)
    given = GIVEN if layout == "file" else {k: np.moveaxis(v, -1, 1) for k, v in GIVEN.items()}
    wanted = reference.run(engine.model, GIVEN)[6][:, 0].argmax(-1)
    np.testing.assert_array_equal(engine.classify(given), wanted)


def test_features_are_the_values_of_nodes():
    engine, values = Engine(ends()), reference.run(ends(), GIVEN)
    found = engine.features(GIVEN, [3, 4, 6])
    np.testing.assert_array_equal(found[3], values[3])
    np.testing.assert_array_equal(found[4], values[4][:, 0, 0])
    np.testing.assert_array_equal(found[6], values[6])
    np.testing.assert_array_equal(engine.features(GIVEN, 6), values[6])


@pytest.mark.parametrize("of", [2, 10, -1, True, "layer"])
def test_features_of_what_the_network_has_not_are_refused(of):
    with pytest.raises(UsageError, match="node"):
        Engine(ends()).features(GIVEN, of)


def test_an_unknown_layout_is_refused():
    with pytest.raises(UsageError, match="layout is 'nchw'; give 'file' or 'torch'"):
        signbit.load(to_bytes(ends()), layout="nchw")  # pyright: ignore[reportArgumentType]


def test_a_copy_keeps_its_layout():
    again = pickle.loads(pickle.dumps(Engine(ends(), layout="torch")))
    assert (again.layout, again.inputs) == ("torch", ends().inputs)

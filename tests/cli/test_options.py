import math

import pytest

from signbit.cli._options import architecture_of, parse_settings
from signbit.errors import UsageError
from signbit.models import Architecture


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.25", 0.25),
        ("5e-3", 0.005),
        ("-1E3", -1000.0),
        ("true", True),
        ("null", None),
        ("", None),
        ("ste_sign", "ste_sign"),
        ("1e", "1e"),
        ("a=b", "a=b"),
        ("[1024, 1024]", [1024, 1024]),
        ("[1e-1, x]", [0.1, "x"]),
        ("[]", []),
    ],
)
def test_values_are_yaml_scalars_or_lists(text, value):
    parsed = parse_settings([f"model.x={text}"])
    assert parsed == {"model": {"x": value}}
    assert type(parsed["model"]["x"]) is type(value)


def test_keys_nest_and_the_last_of_equal_ones_counts():
    parsed = parse_settings(["a.b.c=1", "a.d=2", "e=3", "a.b.c=4"])
    assert parsed == {"a": {"b": {"c": 4}, "d": 2}, "e": 3}


def test_infinity_is_a_number():
    assert math.isinf(parse_settings(["x=.inf"])["x"])


@pytest.mark.parametrize(
    "argument",
    [
        "model.inflation",
        "=3",
        "a..b=3",
        "a b=3",
        "a={b: 1}",
        "a=[[1]]",
        "a=[1",
        "a=2020-01-01",
        "a=&x [*x]",
        "a=!!python/object/apply:os.getcwd []",
        "a=" + "[" * 500,
        "a=0x" + "9" * 500,
        "a=" + "9" * 500,
    ],
)
def test_what_cannot_be_parsed_is_named(argument):
    with pytest.raises(UsageError) as caught:
        parse_settings([argument])
    shown = argument if len(argument) <= 100 else f"{argument[:100]}..."
    assert str(caught.value).startswith(f"--set {shown!r}: ")


@pytest.mark.parametrize("arguments", [["a=1", "a.b=2"], ["a.b=2", "a=1"]])
def test_a_key_has_a_value_or_parts(arguments):
    with pytest.raises(UsageError, match="--set"):
        parse_settings(arguments)


def test_architecture_has_the_options_that_are_set():
    found = architecture_of("vgg_cifar10_binary", ["model.inflation=3", "model.hidden=[8]"])
    assert found == Architecture("vgg_cifar10_binary", {"inflation": 3, "hidden": [8]})
    assert architecture_of(None, None) is None


@pytest.mark.parametrize(
    ("model", "setting", "part"),
    [
        (None, "model.inflation=3", "name it with --model"),
        ("mlp_binary", "inflation=3", "unknown --set key 'inflation'"),
        ("mlp_binary", "model=vgg", "--model"),
    ],
)
def test_settings_that_are_of_no_model_are_named(model, setting, part):
    with pytest.raises(UsageError, match=part):
        architecture_of(model, [setting])

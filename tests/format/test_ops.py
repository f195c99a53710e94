"""What the operations refuse to hold: each in one line that names the node and what is allowed."""

from typing import Any

import numpy as np
import pytest
from helpers.nodes import model_of, to_scores
from helpers.nodes import move as move_node

from signbit.errors import ModelFormatError
from signbit.format import Node, PackedModel
from signbit.format.ops.move import move_places
from signbit.format.types import MAX_CHANNELS

SIZE = (4, 5, 3)
UNIT = {"scale": np.ones(3, np.float32), "bias": np.zeros(3, np.float32)}
ZERO = {"threshold": np.zeros(3, np.int32), "below": np.zeros(1, np.uint64)}
CONV: dict[str, Any] = {"kernel": (1, 1), "stride": (1, 1), "padding": (0, 0, 0, 0)}
CONV |= {"dilation": (1, 1), "channels": 3, "groups": 1, "multiplier": 1, "offset": 0}
# One node each that gives a value of SIZE.
KINDS = {
    "u8": [],
    "bits": [Node("threshold", (0,), {}, ZERO)],
    "i32": [Node("conv_u8", (0,), CONV, {"weight": np.zeros((3, 1, 1, 1), np.uint64)})],
    "f32": [Node("normalize", (0,), {}, UNIT)],
}


def model(kind: str, *nodes: Node) -> PackedModel:
    """A network whose first node reads the value of a kind; its scores are those of a filler."""
    filler = to_scores([*KINDS[kind], *nodes, Node("normalize", (0,), {}, UNIT)], 0, SIZE, "f32")
    filler[-1] = Node("flatten", (len(filler) - 1,))
    return model_of(filler, SIZE[:2], SIZE[2])


def move(kind: str, size: Any = (1, 1, 1), fill: Any = 1.0, **tensors: Any) -> PackedModel:
    given = {"rows": [0], "columns": [0], "channels": [0]} | tensors
    arrays = {
        name: value if isinstance(value, np.ndarray) else np.array(value, np.int32)
        for name, value in given.items()
    }
    source = len(KINDS[kind])
    return model(kind, Node("move", (source,), {"size": size, "fill": fill}, arrays))


@pytest.mark.parametrize("kind", KINDS)
def test_a_move_gives_the_kind_that_it_reads(kind):
    last = move(kind, (2, 1, 4), rows=[0, 45], channels=[2, 1, 14, -1]).types[-3]
    assert last == (kind, 2, 1, 4)


@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("u8", {"fill": 256.0}, "'fill' is 256.0; give a whole number, 0 to 255, for u8"),
        ("u8", {"fill": -1.0}, "'fill' is -1.0; give a whole number, 0 to 255, for u8"),
        ("u8", {"fill": 0.5}, "'fill' is 0.5; give a whole number"),
        ("u8", {"fill": "inf"}, "'fill' is inf; give a whole number"),
        ("bits", {"fill": 0.0}, "'fill' is 0.0; give -1 or +1 for bits"),
        ("bits", {"fill": 2}, "'fill' is 2; give -1 or +1 for bits"),
        ("i32", {"fill": 2.0**31}, "'fill' is 2147483648.0; give a whole number of 32 bits"),
        ("i32", {"fill": -0.5}, "'fill' is -0.5; give a whole number of 32 bits"),
        ("i32", {"fill": "-inf"}, "'fill' is -inf; give a whole number of 32 bits"),
        ("f32", {"fill": float("nan")}, "'fill' is nan; give a float32 number"),
        ("f32", {"fill": 0.1}, "'fill' is 0.1; give a float32 number"),
        ("f32", {"fill": None}, "'fill' is None; give a float32 number"),
        ("u8", {"size": (1, 1)}, "'size' is (1, 1); give 3 whole numbers"),
        ("u8", {"size": (0, 1, 1)}, "'size' is (0, 1, 1); give 3 whole numbers"),
        ("u8", {"size": (1, 1 << 17, 1)}, "a value of 1x131072x1 is out of bounds"),
        ("u8", {"size": (1 << 16, 1 << 16, 1)}, "a value of 65536x65536x1 is out of bounds"),
        ("u8", {"size": (1, 1, MAX_CHANNELS)}, "'channels' is int32 of shape (1,); it needs int32"),
        ("u8", {"rows": [0, 0]}, "tensor 'rows' is int32 of shape (2,); it needs int32"),
        ("u8", {"rows": np.zeros(1, np.float32)}, "tensor 'rows' is float32"),
        ("u8", {"columns": [-2]}, "tensor 'columns' holds -2, below -1"),
        ("u8", {"channels": [-(2**31)]}, "tensor 'channels' holds -2147483648, below -1"),
        ("u8", {"rows": [60]}, "add up to element 60, but u8 4x5x3 has 60, counted from 0"),
        ("bits", {"rows": [45], "columns": [12], "channels": [3]}, "add up to element 60"),
        # Each alone lies inside, and in 32 bits their sum would be small again.
        (
            "f32",
            {"rows": [2**31 - 1], "columns": [2**31 - 1], "channels": [2**31 - 1]},
            "add up to element 6442450941",
        ),
    ],
)
def test_moves_that_cannot_be_are_refused(kind, more, message):
    with pytest.raises(ModelFormatError) as caught:
        move(kind, **more)
    number = len(KINDS[kind]) + 1
    assert str(caught.value).startswith(f"node {number} (move): ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "fill"),
    [
        *(("u8", 0), ("u8", 255.0), ("bits", -1), ("i32", -(2.0**31)), ("i32", 2.0**30)),
        *(("f32", "inf"), ("f32", float("-inf")), ("f32", -0.5)),
    ],
)
def test_every_number_that_a_kind_can_hold_fills(kind, fill):
    assert move(kind, fill=fill, rows=[-1]).types[-3].kind == kind


def test_the_last_element_is_the_last_that_a_move_may_read():
    move("f32", (1, 1, 2), rows=[45], columns=[12], channels=[2, -1])
    node = move("u8", (1, 2, 2), rows=[45], columns=[12, -1], channels=[2, -1]).node(1)
    places, filled = move_places(node)
    assert places.tolist() == [[[59, 0], [0, 0]]]
    assert filled.tolist() == [[[False, True], [True, True]]]


def of_size(*size: int) -> Node:
    """What makes another size of the value of SIZE."""
    rows, columns, channels = map(np.zeros, size)
    return move_node(1, rows, columns, channels)


def binary(size: tuple[int, int, int]) -> PackedModel:
    return model("f32", of_size(*size), Node("binary", (1, 2), {"function": "add"}))


@pytest.mark.parametrize(
    ("size", "gives"),
    [
        (SIZE, SIZE),
        ((1, 1, 1), SIZE),
        ((4, 1, 3), SIZE),
        ((1, 5, 1), SIZE),
    ],
)
def test_sides_of_1_go_with_any_other(size, gives):
    assert binary(size).types[3] == ("f32", *gives)


@pytest.mark.parametrize("size", [(4, 5, 2), (2, 1, 1), (1, 6, 3)])
def test_other_sizes_do_not_go_together(size):
    shown = "x".join(map(str, size))
    match = rf"node 3 \(binary\): inputs differ: f32 4x5x3, f32 {shown}; each side must be the same"
    with pytest.raises(ModelFormatError, match=match):
        binary(size)


def test_two_sides_of_1_broadcast_to_a_value_within_bounds():
    tall, wide = of_size(1 << 16, 1, 1), of_size(1, 1 << 16, 1)
    with pytest.raises(ModelFormatError, match="a value of 65536x65536x1 is out of bounds"):
        model("f32", tall, wide, Node("binary", (2, 3), {"function": "add"}))


@pytest.mark.parametrize(
    ("axes", "gives"),
    [
        (["height"], (1, 5, 3)),
        (("width", "channels"), (4, 1, 1)),
        (["height", "width", "channels"], (1, 1, 1)),
    ],
)
def test_reduced_sides_become_1(axes, gives):
    node = Node("reduce", (1,), {"function": "sum", "axes": axes})
    assert model("f32", node).types[2] == ("f32", *gives)


@pytest.mark.parametrize(
    ("op", "attributes", "message"),
    [
        ("unary", {"function": "tan"}, "'function' is 'tan'; give one of abs, cos, elu, erf"),
        ("unary", {"function": ["abs"]}, "'function' is ['abs']; give one of abs"),
        ("unary", {"function": None}, "'function' is None; give one of abs"),
        ("unary", {}, "attribute 'function' is missing"),
        ("reduce", {"function": "minimum", "axes": ["width"]}, "give one of maximum, mean, sum"),
        *(
            (
                "reduce",
                {"function": "sum", "axes": axes},
                f"'axes' is {axes!r}; list one or more of height, width, channels, in this order",
            )
            for axes in (
                [],
                "width",
                None,
                3,
                ["width", "width"],
                ["width", "height"],
                ["depth"],
                [1],
                [["width"]],
            )
        ),
    ],
)
def test_names_that_no_attribute_has_are_refused(op, attributes, message):
    with pytest.raises(ModelFormatError) as caught:
        model("f32", Node(op, (1,), attributes))
    assert str(caught.value).startswith(f"node 2 ({op}): ")
    assert message in str(caught.value)


def test_a_threshold_of_pixels_has_whole_numbers():
    real = ZERO | {"threshold": np.zeros(3, np.float32)}
    with pytest.raises(ModelFormatError, match="tensor 'threshold' is float32 of shape"):
        model("u8", Node("threshold", (0,), {}, real))

"""Choices between values, truth values as numbers, and quotients that are rounded down."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.pack.attacked import attack
from tests.pack.corpus._parts import Real
from tests.pack.test_attacks import EvenSums, plus_minus

EVEN = torch.arange(12) % 2 == 0


def written_by_index(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, [3, 1, 0]] = x[:, :3]
    y[:, :, EVEN] = 0.0
    return y + x


@pytest.mark.parametrize(
    "middle",
    [
        lambda x: torch.where(EVEN, x, -x),
        lambda x: torch.where(EVEN, x, 0.25),
        lambda x: x.masked_fill(EVEN, 0.0) * 2,
        lambda x: x.clone().masked_fill_(EVEN[:, None], 0.3),
        written_by_index,
    ],
    ids=["where", "where_constant", "masked_fill", "in_place", "index"],
)
def test_choices_by_constants_are_movements(middle: Callable[[Tensor], Tensor]):
    attack(lambda: Real(middle))


def elu_by_hand(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.exp(x) - 1)


def test_a_choice_of_finite_values():
    attack(lambda: Real(elu_by_hand))
    attack(lambda: Real(lambda x: torch.where(x > 0, x, torch.zeros_like(x))))


@pytest.mark.parametrize(
    "middle",
    [
        lambda x: torch.where(x > 0, torch.log(x), 0.0),
        lambda x: torch.where(torch.relu(x) == 0, 0.0, 1 / torch.relu(x)),
        lambda x: x.masked_fill(x < 0, float("-inf")).amax((2, 3)).clamp(-5, 5),
        lambda x: torch.where(x > 0, x, torch.exp(200 * x)),
    ],
    ids=["log", "quotient", "infinity", "overflow"],
)
def test_a_choice_of_what_is_no_number_where_it_is_not_chosen(middle: Callable[[Tensor], Tensor]):
    attack(lambda: Real(middle))


OF_CHANNELS, OF_A_MAP = torch.linspace(-1, 1, 16).view(-1, 1, 1), torch.linspace(-3, 2, 12)


@pytest.mark.parametrize("constants", [OF_CHANNELS, OF_A_MAP], ids=["channels", "map"])
def test_a_choice_between_a_value_and_several_constants(constants: Tensor):
    attack(lambda: Real(lambda x: torch.where(x > 0, x, constants)))
    attack(lambda: Real(lambda x: torch.where(x > x.mean(1, keepdim=True), constants, x)))


def test_a_choice_of_five_dimensions():
    def middle(x: Tensor) -> Tensor:
        x = x.view(len(x), 4, 4, 12, 12)
        return torch.where(x > x.mean(1, keepdim=True), x, 0.3).flatten(1, 2)

    attack(lambda: Real(middle))


@pytest.mark.parametrize(
    "condition",
    [
        lambda x, mean: (x > 0) & (mean > 0),
        lambda x, mean: (x > 0) | (mean > 0),
        lambda x, mean: (x > 0) ^ (mean > 0),
        lambda x, mean: (x > 0) ^ (x > 1),
        lambda x, mean: (x > 0) ^ (OF_CHANNELS > 0),
        lambda x, mean: ~((x > 0) & (OF_A_MAP > 0)),
        lambda x, mean: x.round() != mean.round(),
        lambda x, mean: x.round() == 0,
    ],
    ids=["and", "or", "xor", "one_xor", "xor_channels", "and_map", "unequal", "equal"],
)
def test_truth_values_as_numbers(condition: Callable[[Tensor, Tensor], Tensor]):
    attack(lambda: Real(lambda x: condition(x, x.mean(1, keepdim=True)).float() * x + x))


def test_a_mask_of_constants_over_the_map_of_a_sign():
    attack(lambda: EvenSums(lambda x: plus_minus((x > 3) & (OF_A_MAP > 0)[:8])), integers=True)


SEVENTHS = torch.arange(1.0, 17.0).view(-1, 1, 1)


@pytest.mark.parametrize(
    "floor",
    [
        lambda x: torch.floor(x / 7),
        lambda x: torch.ceil(x / SEVENTHS),
        lambda x: torch.round(x / (x.abs() + 7) * 30),
        lambda x: torch.floor(21 / (x.abs() + 4)),
        lambda x: torch.floor(x / (x.amax(1, keepdim=True) + 3)),
    ],
    ids=["number", "channels", "itself", "of_constant", "two"],
)
def test_the_floor_of_a_quotient_of_sums(floor: Callable[[Tensor], Tensor]):
    class Floor(EvenSums):
        def __init__(self):
            super().__init__(floor)
            self.fc = nn.Linear(1024, 5)
            with torch.no_grad():  # its sums are the same in any order
                for parameter in self.fc.parameters():
                    parameter.copy_((parameter * 1024).round() / 1024)

    attack(Floor, integers=True)

"""Outputs by the names of fields, and labels."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from signbit.errors import PackError, UsageError
from signbit.format import Input
from signbit.layers import BinaryLinear
from signbit.pack import OutputSpec, pack
from signbit.runtime.engine import Engine
from signbit.runtime.samples import random_inputs
from tests.pack.beside_torch import packs, torch_input


class Risk(NamedTuple):
    risk: Tensor
    days: Tensor


@dataclass
class Stay:
    days: Tensor
    risk: Tensor


@pytest.mark.parametrize("returned", [Risk, lambda risk, days: Stay(days, risk)])
@pytest.mark.parametrize("names", [("risk", "days"), ("days", "risk")])
def test_fields_are_taken_by_name(returned, names):
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.risk, self.days = (BinaryLinear(20, 3, bias=False) for _ in range(2))

        def forward(self, x: Tensor):
            return returned(self.risk(x), self.days(x))

    network = Named().eval()
    outputs = [OutputSpec(name, "numbers") for name in names]
    packed = pack(network, inputs=[Input.bits("x", (20,))], outputs=outputs)
    x = random_inputs(packed, 4)["x"]
    with torch.no_grad():
        wanted = {name: getattr(network, name)(torch_input(packed.inputs[0], x)) for name in names}
    for name, found in Engine(packed).run(x).items():
        np.testing.assert_array_equal(found, wanted[name].numpy())


def test_a_named_tuple_without_these_names_counts_in_order_and_with_some_is_refused():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.risk, self.days = BinaryLinear(20, 3), BinaryLinear(20, 2)

        def forward(self, x: Tensor) -> Risk:
            return Risk(self.risk(x), self.days(x))

    inputs = [Input.bits("x", (20,))]
    packs(Named(), inputs, [OutputSpec("one", "numbers"), OutputSpec("other", "numbers")])
    with pytest.raises(
        PackError, match=r"no value 'other'; the name of an output is one of: risk, days"
    ):
        pack(Named().eval(), inputs=inputs, outputs=[OutputSpec("days"), OutputSpec("other")])


@pytest.mark.parametrize("end", ["sigmoid", "softmax"])
def test_labels_that_are_always_above_0_are_refused(end):
    class Ends(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = BinaryLinear(20, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.fc(x)
            return (x.sigmoid() if end == "sigmoid" else x.softmax(1))[:, [2, 0]]

    inputs = [Input.bits("x", (20,))]
    packs(Ends(), inputs, [OutputSpec("tags", "numbers")])
    with pytest.raises(UsageError, match=f"'tags': labels are scores.* ends in a {end}"):
        pack(Ends().eval(), inputs=inputs, outputs=[OutputSpec("tags", "labels")])


def test_names_of_another_number_than_the_channels_are_refused():
    inputs, two = [Input.bits("x", (20,))], OutputSpec("kind", names=["a", "b"])
    with pytest.raises(UsageError, match="'kind' has 2 names, but the network returns 3 channels"):
        pack(BinaryLinear(20, 3).eval(), inputs=inputs, outputs=[two])

"""Under torch.compile quantizers give the values and gradients that they give without."""

import pytest
import torch
from torch import Tensor

from signbit.layers import BinaryLinear
from signbit.quantizers import create, quantizers

# Torch's compiler warns of its own use of deprecated calls and leaves files to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def test_compiled_quantizers_equal_eager_ones_and_stay_random():
    """One compilation holds every quantizer, because each takes seconds."""
    made = {name: create(name) for name in quantizers.names()}

    def run(x: Tensor) -> dict[str, Tensor]:
        return {name: quantizer(x) for name, quantizer in made.items() if quantizer is not None}

    x = torch.cat([torch.tensor([0.0, -0.0, 1.0, -1.0, 1e-45, 9.0]), 2 * torch.randn(250)])
    outputs, slopes = with_gradients(torch.compile(run, fullgraph=True), x)
    again, _ = with_gradients(torch.compile(run, fullgraph=True), x)
    eager, eager_slopes = with_gradients(run, x)
    for name in made:
        # The compiler may fuse a multiply with an add: one rounding less.
        torch.testing.assert_close(slopes[name], eager_slopes[name], rtol=1e-5, atol=1e-5)
        if name == "stochastic_sign":
            assert set(outputs[name].tolist()) == {-1.0, 1.0}
            assert not torch.equal(outputs[name], again[name])
        else:
            assert torch.equal(outputs[name], eager[name])


def with_gradients(run, x: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    x = x.clone().requires_grad_()
    outputs = run(x)
    slopes = {
        name: torch.autograd.grad(y.sum(), x, retain_graph=True)[0] for name, y in outputs.items()
    }
    return {name: y.detach() for name, y in outputs.items()}, slopes


def test_a_layer_traces_whole_with_a_batch_size_that_varies():
    layer = BinaryLinear(8, 4)
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
    for batch in (2, 3, 7):
        x = torch.randn(batch, 8)
        assert torch.equal(compiled(x), layer(x))

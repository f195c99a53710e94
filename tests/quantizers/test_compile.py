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


@pytest.mark.slow
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
            # The mean in a scale may be summed in another order.
            tolerance = 1e-6 if made[name].for_weights else 0
            torch.testing.assert_close(outputs[name], eager[name], rtol=tolerance, atol=0)


def test_progress_reaches_a_compiled_quantizer_without_compiling_anew():
    quantizer = create("ede_sign")
    compiled = torch.compile(quantizer, fullgraph=True, backend="aot_eager")
    x = torch.randn(8, requires_grad=True)
    slopes = []
    with torch._dynamo.config.patch(error_on_recompile=True):
        for progress in (0.0, 0.3, 0.6, 1.0):
            quantizer.set_progress(progress)
            slopes.append(torch.autograd.grad(compiled(x).sum(), x)[0])
            (expected,) = torch.autograd.grad(quantizer(x).sum(), x)
            torch.testing.assert_close(slopes[-1], expected)
    assert not torch.allclose(slopes[0], slopes[-1])


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

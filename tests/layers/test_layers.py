"""What all binary layers share with torch's, and what they add."""

import copy
import inspect
import pickle

import pytest
import torch
from torch import nn

from signbit.errors import InputTypeError, UsageError
from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryConv3d, BinaryLinear
from signbit.quantizers import SteSign

PAIRS = [
    (BinaryLinear, nn.Linear, (4, 6), (3, 4)),
    (BinaryConv1d, nn.Conv1d, (4, 6, 3), (3, 4, 5)),
    (BinaryConv2d, nn.Conv2d, (4, 6, 3), (3, 4, 5, 6)),
    (BinaryConv3d, nn.Conv3d, (4, 6, 3), (3, 4, 5, 6, 7)),
]
CONVOLUTIONS = PAIRS[1:]
OURS = {"input_quantizer", "weight_quantizer", "padding_value", "learned_scale"}
pairs = pytest.mark.parametrize(
    ("ours", "theirs", "sizes", "shape"), PAIRS, ids=[pair[0].__name__ for pair in PAIRS]
)
convolutions = pytest.mark.parametrize(
    ("ours", "shape"), [(pair[0], pair[3]) for pair in CONVOLUTIONS]
)


@pairs
def test_every_argument_of_the_torch_layer_is_taken_with_its_default(ours, theirs, sizes, shape):
    mine = dict(inspect.signature(ours).parameters)
    added = {name: mine.pop(name) for name in OURS & set(mine)}
    assert {name: (p.kind, p.default) for name, p in mine.items()} == {
        name: (p.kind, p.default) for name, p in inspect.signature(theirs).parameters.items()
    }
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in added.values())


@pairs
def test_state_dict_loads_from_and_into_the_torch_layer(ours, theirs, sizes, shape):
    layer, reference = ours(*sizes), theirs(*sizes)
    assert list(layer.state_dict()) == list(reference.state_dict())
    layer.load_state_dict(reference.state_dict())
    reference.load_state_dict(layer.state_dict())


@pairs
def test_initial_weights_are_those_of_the_torch_layer(ours, theirs, sizes, shape):
    torch.manual_seed(5)
    layer = ours(*sizes)
    torch.manual_seed(5)
    assert torch.equal(layer.weight, theirs(*sizes).weight)


@pairs
def test_without_quantizers_it_is_the_torch_layer(ours, theirs, sizes, shape):
    reference = theirs(*sizes, dtype=torch.float64)
    layer = ours(*sizes, dtype=torch.float64, input_quantizer=None, weight_quantizer=None)
    layer.load_state_dict(reference.state_dict())
    x = torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(layer(x), reference(x), rtol=1e-12, atol=1e-12)


@pairs
def test_the_torch_layer_on_signs_agrees_in_values_and_gradients(ours, theirs, sizes, shape):
    layer, reference = ours(*sizes, bias=False), theirs(*sizes, bias=False)
    x = 0.9 * torch.rand(shape).requires_grad_() - 0.4
    x.retain_grad()
    with torch.no_grad():
        reference.weight.copy_(torch.where(layer.weight > 0, 1.0, -1.0))
    signs = torch.where(x.detach() > 0, 1.0, -1.0).requires_grad_()
    y, expected = layer(x), reference(signs)
    assert torch.equal(y, expected)
    slope = torch.randn_like(y)
    y.backward(slope)
    expected.backward(slope)
    # All latent values lie within the clip, so that the estimator passes gradients unchanged.
    torch.testing.assert_close(x.grad, signs.grad)
    torch.testing.assert_close(layer.weight.grad, reference.weight.grad)


@pairs
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_other_float_types_stay_and_count_exactly(ours, theirs, sizes, shape, dtype):
    layer = ours(*sizes, bias=False)
    x = torch.randn(shape)
    y = copy.deepcopy(layer).to(dtype)(x.to(dtype))
    assert y.dtype == dtype
    # Sums of at most 4 * 27 signs: whole numbers that all of these types hold.
    assert torch.equal(y.float(), layer(x))


@pairs
def test_copies_and_pickles_compute_alike(ours, theirs, sizes, shape):
    layer, x = ours(*sizes), torch.randn(shape)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x), layer(x))
        assert repr(other) == repr(layer)
        assert other.weight is not layer.weight


@pairs
def test_an_empty_batch_passes_both_ways(ours, theirs, sizes, shape):
    layer = ours(*sizes)
    y = layer(torch.randn(0, *shape[1:]))
    y.sum().backward()
    assert y.shape[0] == 0
    assert layer.weight.grad.count_nonzero() == 0


@convolutions
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": 1},
        {"padding": "same", "padding_value": -1.0},
        {"padding": 1, "padding_mode": "reflect"},
        {"padding": 1, "padding_mode": "circular"},
    ],
    ids=str,
)
def test_an_input_without_a_batch_axis_gives_an_output_without(ours, shape, options):
    layer = ours(4, 6, 3, **options)
    x = torch.randn(shape)
    assert torch.equal(layer(x[0]), layer(x[:1])[0])


@convolutions
def test_a_wrong_input_of_a_convolution_is_named(ours, shape):
    layer, name, rank = ours(4, 6, 3), ours.__name__, len(shape)
    with pytest.raises(InputTypeError, match=f"^{name}: input is torch.uint8; give a floating"):
        layer(torch.ones(shape, dtype=torch.uint8))
    for wrong in (rank - 2, rank + 1):
        text = "x".join(["4"] * wrong)
        allowed = rf"has rank {wrong} \(shape {text}\); give rank {rank - 1} or {rank}$"
        with pytest.raises(UsageError, match=f"^{name}: input {allowed}"):
            layer(torch.ones([4] * wrong))
    for axis, wrong in ((1, torch.ones(3, 5, *shape[2:])), (0, torch.ones(5, *shape[2:]))):
        channels = f"has 5 channels on axis {1 - rank}; the layer accepts 4$"
        with pytest.raises(UsageError, match=f"^{name}: input of shape .*{channels}"):
            layer(wrong)
        assert wrong.shape[axis] == 5


@pytest.mark.parametrize("value", [0.5, 2, "0", None, float("nan")])
def test_a_padding_value_that_is_no_sign_and_not_zero_is_refused(value):
    with pytest.raises(UsageError, match=f"^BinaryConv2d: padding_value is {value!r}; give 0.0"):
        BinaryConv2d(1, 1, 1, padding_value=value)


def test_a_padding_value_needs_constant_padding():
    with pytest.raises(UsageError, match=r"padding_value=1.0 needs padding_mode='zeros', not 'ref"):
        BinaryConv2d(1, 1, 1, padding_value=1.0, padding_mode="reflect")
    BinaryConv2d(1, 1, 1, padding_value=0.0, padding_mode="reflect")


def test_an_unknown_quantizer_names_the_closest():
    with pytest.raises(UsageError, match="Did you mean 'ste_sign'"):
        BinaryConv2d(1, 1, 1, input_quantizer="ste_sing")


def test_extra_repr_tells_quantizers_and_a_padding_value_that_is_not_torchs():
    text = repr(BinaryConv2d(3, 8, 3, padding=1, padding_value=-1.0, input_quantizer=None))
    assert text == (
        "BinaryConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), "
        "padding_value=-1.0, input_quantizer=None, weight_quantizer=SteSign(clip=1.0))"
    )
    assert "padding_value" not in repr(BinaryConv2d(3, 8, 3))


def test_a_network_prints_one_line_per_layer():
    network = nn.Sequential(BinaryLinear(2, 2), BinaryConv1d(2, 2, 1))
    assert len(repr(network).splitlines()) == 4


def test_flags_say_which_sides_are_binary():
    layer = BinaryLinear(2, 2, input_quantizer=None, weight_quantizer=SteSign(clip=None))
    assert not layer.has_binary_input
    assert layer.has_binary_weight
    layer = BinaryLinear(2, 2, weight_quantizer="identity")
    assert layer.has_binary_input
    assert not layer.has_binary_weight
    assert layer.quantized_weight() is layer.weight


def test_train_and_eval_reach_the_quantizers():
    layer = BinaryLinear(512, 1, bias=False, input_quantizer="stochastic_sign")
    x = torch.zeros(1, 512)
    assert len({layer(x).item() for _ in range(20)}) > 1
    layer.eval()
    assert len({layer(x).item() for _ in range(20)}) == 1

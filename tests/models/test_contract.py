"""What every registered model owes its callers; a new one is tested by being registered."""

import inspect
import math

import pytest
import torch
from helpers.models import small, small_options, small_size
from torch import nn

from signbit.errors import UsageError
from signbit.layers import BinaryLayer, clip_latent_weights
from signbit.models import Architecture, create, models
from signbit.train import load_recipe


@pytest.fixture(params=models.names())
def name(request) -> str:
    return request.param


@pytest.fixture
def shape(name) -> dict:
    return {"in_channels": 2, "input_size": small_size(name), "num_classes": 7}


def images_of(shape: dict, count: int, **options) -> torch.Tensor:
    return torch.randn(count, shape["in_channels"], *shape["input_size"], **options)


def test_builds_with_defaults_and_gives_one_score_per_class(name):
    parameters = inspect.signature(models.get(name)).parameters
    channels, size = (parameters[option].default for option in ("in_channels", "input_size"))
    with torch.device("meta"):
        scores = create(name).eval()(torch.empty(2, channels, *size))
    assert scores.shape == (2, parameters["num_classes"].default)


def test_shape_options_are_honoured(name, shape):
    model = small(name, **shape).eval()
    assert model(images_of(shape, 3)).shape == (3, 7)


@pytest.mark.parametrize("training", [True, False])
def test_scores_are_log_probabilities(name, training, shape):
    scores = small(name, **shape).train(training)(images_of(shape, 5))
    torch.testing.assert_close(scores.exp().sum(1), torch.ones(5))
    assert (scores <= 0).all()


@torch.no_grad()
def test_its_teacher_is_no_linear_network(name, shape):
    """Of a linear one, differences of log-probabilities are additive around those of zero."""
    model = small(name, **shape, **load_recipe("teacher").model).double()
    a, b = images_of(shape, 8, dtype=torch.float64).chunk(2)
    measure_norms(model, images_of(shape, 16, dtype=torch.float64))
    zero, of_a, of_b, of_both = (
        (scores := model(x)) - scores.mean(1, keepdim=True)
        for x in (torch.zeros_like(a), a, b, a + b)
    )
    error = (of_both - of_a - of_b + zero).norm() / (of_a - zero).norm()
    assert error > 0.05


def measure_norms(model: nn.Module, images: torch.Tensor) -> None:
    """Give the batch norms the statistics of some images, in eval mode.

    With those of a new model, numbers grow from layer to layer, and their rounding with them.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(images)
    model.eval()


def test_the_same_seed_builds_the_same_model(name):
    one, two = small(name), small(name)
    assert [*one.state_dict()] == [*two.state_dict()]
    for key, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[key]), key


def test_in_eval_mode_an_image_does_not_depend_on_its_batch(name, shape):
    model, images = small(name, **shape), images_of(shape, 6)
    measure_norms(model, images_of(shape, 16))
    with torch.no_grad():
        apart = torch.cat([model(image[None]) for image in images])
        assert torch.equal(model(images).argmax(1), apart.argmax(1))
        torch.testing.assert_close(model(images), apart)


def binary_layers(model: nn.Module) -> list[BinaryLayer]:
    """All that do not take pixels."""
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return [layer for layer in layers[1:] if isinstance(layer, BinaryLayer)]


def test_every_binary_layer_but_the_first_takes_bits(name):
    """The first one may take bits too."""
    model = small(name)
    assert all(layer.has_binary_input for layer in binary_layers(model))
    layers = [module for module in model.modules() if isinstance(module, BinaryLayer)]
    assert all(layer.has_binary_weight for layer in layers)


def test_a_step_moves_every_parameter_and_clipping_holds(name, shape):
    model = small(name, **shape)
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = torch.optim.Adam(model.parameters(), lr=0.5)
    labels = torch.arange(32) % 7
    nn.functional.nll_loss(model(images_of(shape, 32)), labels).backward()
    optimizer.step()
    clip_latent_weights(model)
    for key, value in model.named_parameters():
        assert value.grad is not None, key
        assert value.isfinite().all(), key
        # Batch norm takes away the mean, and with it any bias before it, whose gradient may be 0.
        assert value.ndim == 1 or not torch.equal(value, before[key]), key
    for module in model.modules():
        if isinstance(module, BinaryLayer):
            assert module.weight.abs().max() <= 1


def test_quantizers_are_chosen_by_name_and_options_for_every_layer(name):
    swish = {"name": "swish_sign", "beta": 2.0}
    chosen = {"input_quantizer": "approx_sign", "weight_quantizer": swish}
    layers = binary_layers(small(name, **chosen))
    assert {repr(layer.weight_quantizer) for layer in layers} == {"SwishSign(beta=2.0)"}
    assert len({id(layer.weight_quantizer) for layer in layers}) == len(layers)
    # The quantizer may stand inside another one that adds a shift.
    assert all("ApproxSign()" in repr(layer.input_quantizer) for layer in layers)


def test_an_unknown_option_names_the_closest(name):
    with pytest.raises(UsageError, match=rf"option of model '{name}' 'num_clases'.*'num_classes'"):
        create(name, num_clases=3)


@pytest.mark.parametrize("option", ["num_classes", "in_channels"])
@pytest.mark.parametrize("value", [0, -1, 2.0, "3", True, 1 << 40, math.inf, None])
def test_a_size_that_is_no_whole_number_in_range_is_named(name, option, value):
    with pytest.raises(UsageError, match=f"^{option} is {value!r}; give a whole number from 1 to"):
        create(name, **{option: value})


@pytest.mark.parametrize("value", [8, "88", (8,), (8, 8, 8), (8, 0), (8, 8.0), (1 << 40, 8)])
def test_a_wrong_input_size_is_named(name, value):
    with pytest.raises(UsageError, match=r"^input_size is"):
        create(name, input_size=value)


def test_an_unknown_model_names_the_closest():
    with pytest.raises(UsageError, match="Did you mean 'vgg_cifar10_binary'"):
        create("vgg_cifar10")


def test_an_architecture_builds_what_it_names(name, shape):
    options = small_options(name, **shape)
    assert repr(Architecture(name, options).build()) == repr(small(name, **shape))


def test_docstring_says_shape_and_errors(name):
    text = models.get(name).__doc__ or ""
    assert "Shape:" in text
    assert "Raises:" in text

from torch import nn

from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.train import load_recipe
from signbit.train.optimizers import build_optimizers
from signbit.train.optimizers.bop import BinaryOptimizer

DECAYS = {"weight_decay": 0.2, "latent_weight_decay": 0.3}
ADAM = load_recipe("digits", {"optimizer": {"name": "adam", "lr": 0.1} | DECAYS}).optimizer
BOP = load_recipe("bop").latent_optimizer


def network(weight_quantizer="ste_sign"):
    return nn.Sequential(
        nn.Conv2d(3, 4, 1),
        nn.BatchNorm2d(4),
        nn.PReLU(4),
        BinaryConv2d(4, 4, 1, weight_quantizer=weight_quantizer),
        nn.Flatten(),
        BinaryLinear(4, 2, weight_quantizer=weight_quantizer),
    )


def decay_by_name(model, optimizer):
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: group["weight_decay"]
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


def test_only_weights_decay_latent_ones_by_their_own_rate():
    model = network()
    (optimizer,) = build_optimizers(model, ADAM, None)
    decays = decay_by_name(model, optimizer)
    assert decays.keys() == dict(model.named_parameters()).keys()
    assert {name: decay for name, decay in decays.items() if decay} == {
        "0.weight": 0.2,
        "3.weight": 0.3,
        "5.weight": 0.3,
    }


def test_weights_that_are_not_binary_decay_as_real_ones():
    model = network("identity")
    (optimizer,) = build_optimizers(model, ADAM, None)
    assert decay_by_name(model, optimizer)["3.weight"] == 0.2


def test_an_optimizer_of_their_own_gets_the_latent_weights_and_nothing_else():
    model = network()
    first, second = build_optimizers(model, ADAM, BOP)
    assert isinstance(second, BinaryOptimizer)
    assert decay_by_name(model, second).keys() == {"3.weight", "5.weight"}
    assert decay_by_name(model, first).keys() == {
        *("0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "3.bias", "5.bias"),
    }


def test_without_binary_weights_their_optimizer_is_left_out():
    assert len(build_optimizers(network("identity"), ADAM, BOP)) == 1


def test_parameters_that_need_no_gradient_are_left_out():
    model = network()
    model[0].requires_grad_(False)
    (optimizer,) = build_optimizers(model, ADAM, None)
    assert "0.weight" not in decay_by_name(model, optimizer)

"""Networks inside what PyTorch wraps around them: averaged, compiled, scripted, reparametrized."""

import functools

import torch
import torch.nn.utils.prune
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.optim.swa_utils import AveragedModel

from tests.pack.corpus._case import RGB, network
from tests.pack.corpus._parts import BConv2d, Between, BLinear, PlusMinus, Sign

PRECISION = r"float16|float64|bfloat16|half|double|dtype|precision|float32|\.float\(\)"
SCRIPT = r"script|trace|jit|unwrap|original"


def _plain() -> nn.Sequential:
    return nn.Sequential(
        BConv2d(3, 16, 3),
        nn.BatchNorm2d(16),
        Sign(),
        BConv2d(16, 16, 3, stride=2),
        nn.BatchNorm2d(16),
        Sign(),
        nn.Flatten(),
        BLinear(256, 5),
    )


@network(RGB, integers=True, wrap=AveragedModel)
def averaged() -> nn.Module:
    return _plain()


@network(RGB, integers=True, wrap=nn.DataParallel)
def data_parallel() -> nn.Module:
    return _plain()


def _compiled(model: nn.Module) -> nn.Module:
    return torch.compile(model, backend="eager")  # pyright: ignore[reportReturnType]


@network(RGB, integers=True, wrap=_compiled)
def compiled() -> nn.Module:
    return _plain()


@network(RGB, integers=True, wrap=lambda model: AveragedModel(nn.DataParallel(model)))
def wrapped_twice() -> nn.Module:
    return _plain()


class _Scriptable(nn.Module):
    """Without autograd functions, which TorchScript cannot compile."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16)
        self.fc = nn.Linear(1600, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.where(self.bn1(self.conv1(x)) > 0, 1.0, -1.0)
        return self.fc(x.flatten(1))


@network(RGB, may_refuse=SCRIPT, wrap=torch.jit.script)  # pyright: ignore[reportArgumentType]
def scripted() -> nn.Module:
    return _Scriptable()


def _traced(model: nn.Module) -> nn.Module:
    return torch.jit.trace(model, torch.zeros(1, 3, 12, 12), check_trace=False)  # pyright: ignore


@network(RGB, may_refuse=SCRIPT, wrap=_traced)
def traced() -> nn.Module:
    return _Scriptable()


@network(RGB, wrap=torch.fx.symbolic_trace)
def symbolically_traced() -> nn.Module:
    return _Scriptable()


@network(RGB, may_refuse=PRECISION, wrap=nn.Module.double)
def double_precision() -> nn.Module:
    return _plain()


@network(RGB, refused=r"training|eval", wrap=lambda model: _forgets_eval(model))
def part_in_training_mode() -> nn.Module:
    return _plain()


class _ForgetsEval(nn.Module):
    """A norm that train(False) does not reach."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def train(self, mode: bool = True) -> "_ForgetsEval":
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.training = True
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def _forgets_eval(model: nn.Module) -> nn.Module:
    return _ForgetsEval(model)


@network(RGB)
def weight_norm_of_a_real_layer() -> nn.Module:
    return nn.Sequential(*_plain()[:7], parametrizations.weight_norm(nn.Linear(256, 5)))  # pyright: ignore


@network(RGB)
def spectral_norm() -> nn.Module:
    net = _plain()
    net[7] = parametrizations.spectral_norm(nn.Linear(256, 5))  # pyright: ignore
    return net


class _BinaryWeight(nn.Module):
    """A parametrization: the module's `weight` is the sign of what is trained."""

    def forward(self, weight: Tensor) -> Tensor:
        return PlusMinus.apply(weight)  # pyright: ignore[reportReturnType]


@network(RGB, integers=True)
def parametrized_weights() -> nn.Module:
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3),
        nn.BatchNorm2d(16),
        Sign(),
        nn.Conv2d(16, 16, 3, stride=2),
        nn.BatchNorm2d(16),
        Sign(),
        nn.Flatten(),
        nn.Linear(256, 5),
    )
    for layer in (net[0], net[3], net[7]):
        parametrize.register_parametrization(layer, "weight", _BinaryWeight())
    return net


@network(RGB)
def pruned() -> nn.Module:
    """A mask times the weight, by a pre-hook: zeros among the signs."""

    class Conv(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:
            return self._conv_forward(input, torch.sign(self.weight), self.bias)

    net = _plain()
    net[3] = Conv(16, 16, 3, stride=2)  # pyright: ignore
    torch.nn.utils.prune.random_unstructured(net[3], "weight", amount=0.3)  # pyright: ignore
    return net


def _hooked(model: nn.Module) -> nn.Module:
    model[1].register_forward_hook(lambda module, inputs, output: output * -1 + 0.25)  # pyright: ignore
    model[7].register_forward_pre_hook(lambda module, inputs: (-inputs[0],))  # pyright: ignore
    return model


@network(RGB, integers=True, wrap=_hooked)
def hooks_that_change_values() -> nn.Module:
    return _plain()


def _watched(model: nn.Module) -> nn.Module:
    seen: dict[str, tuple[int, ...]] = {}

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen[type(module).__name__] = tuple(output.shape)

    for module in model.modules():
        module.register_forward_hook(note)
    return model


@network(RGB, integers=True, wrap=_watched)
def hooks_that_watch() -> nn.Module:
    return _plain()


def _patched(model: nn.Module) -> nn.Module:
    """The instance's own forward, as monkey patches have it."""
    first = model[0]  # pyright: ignore
    old = first.forward
    first.forward = lambda x: old(x) + 1
    return model


@network(RGB, integers=True, wrap=_patched)
def forward_of_the_instance() -> nn.Module:
    return _plain()


@network(RGB, integers=True)
def partial_functions() -> nn.Module:
    clip = functools.partial(torch.clamp, min=-0.5, max=1.5)
    return Between(clip)


@network(RGB, integers=True, wrap=lambda model: model.to(memory_format=torch.channels_last))  # pyright: ignore
def channels_last_memory() -> nn.Module:
    return _plain()


@network(RGB, integers=True, wrap=lambda model: model.requires_grad_(False))
def frozen() -> nn.Module:
    return _plain()


class _Autocast(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = _plain()

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return self.net(x)


@network(RGB, integers=True)
def autocast_switched_off() -> nn.Module:
    return _Autocast()


class _NoGrad(_Autocast):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


@network(RGB, integers=True)
def no_grad_in_forward() -> nn.Module:
    return _NoGrad()


class _Checkpointed(_Autocast):
    def forward(self, x: Tensor) -> Tensor:
        x = torch.utils.checkpoint.checkpoint(self.net[:3], x, use_reentrant=False)  # pyright: ignore
        return self.net[3:](x)


@network(RGB, integers=True)
def activation_checkpoints() -> nn.Module:
    return _Checkpointed()


class _Quantized(nn.Module):
    """Fake quantization to 8 bits before the last layer."""

    def __init__(self):
        super().__init__()
        self.body, self.fc = _plain()[:5], nn.Linear(256, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.fake_quantize_per_tensor_affine(self.body(x), 0.05, 0, -128, 127)
        return self.fc(x.flatten(1))


@network(RGB, may_refuse=r"quantize")
def fake_quantized() -> nn.Module:
    return _Quantized()

"""Find the modules of a network that are foreign code around one convolution or linear layer."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.parametrize import is_parametrized

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Candidate:
    """A module that may be a binary layer.

    weights: names of the tensors in it that may be its weight.
    owner: whether the tensors are its own. Otherwise it is a module around a plain torch layer,
        which may compute anything.
    """

    path: str
    module: nn.Module
    weights: tuple[str, ...]
    owner: bool


def weight_candidates(model: nn.Module) -> Iterator[Candidate]:
    """Foreign modules with a weight of their own, and those around a single torch layer.

    Outer modules come first. The parts of a layer, such as the scale of a quantizer, come later.
    """
    for path, module in model.named_modules():
        if not _is_foreign(module):
            continue
        sizes = _weights(module)
        own = {name: size for name, size in sizes.items() if "." not in name}
        parts = [size for name, size in sizes.items() if name not in own]
        normalizes = any(isinstance(part, _NormBase) for part in module.modules())
        if is_parametrized(module) and len(sizes) == 1:
            yield Candidate(path, module, tuple(sizes), True)
        elif own and max(own.values()) > max(parts, default=0) and not normalizes:
            yield Candidate(path, module, tuple(own), True)
        elif not own and len(sizes) == 1 and not normalizes:
            (name,) = sizes
            if type(module.get_submodule(name.rpartition(".")[0])) in _LAYERS:
                yield Candidate(path, module, (name,), False)


def sign_candidates(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Foreign modules without parameters or parts; each may be a sign function."""
    for path, module in model.named_modules():
        parts = [*module.parameters(), *module.children()]
        if path and not parts and _is_foreign(module):
            yield path, module


def _is_foreign(module: nn.Module) -> bool:
    """Whether a module runs code that belongs neither to torch nor to this package."""
    package = type(module).__module__.partition(".")[0]
    if package == "signbit":
        return False
    # A layer of torch with an overridden forward or a hook is also foreign.
    touched = "forward" in vars(module) or module._forward_hooks or module._forward_pre_hooks
    return package != "torch" or is_parametrized(module) or bool(touched)


def _weights(module: nn.Module) -> dict[str, int]:
    """The tensors in a module that may be a weight, and how many numbers each has."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return {
        name: tensor.numel()
        for name, tensor in tensors
        if tensor.is_floating_point() and tensor.ndim >= 2 and tensor.numel() > 1
    }

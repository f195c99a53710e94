"""Which modules of a network are foreign code around one convolution or linear layer."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.parametrize import is_parametrized

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Candidate:
    """A module to ask.

    weights: names of the tensors in it that may be its weight.
    owner: whether they are its own; a module around a plain torch layer may be anything.
    """

    path: str
    module: nn.Module
    weights: tuple[str, ...]
    owner: bool


def weight_candidates(model: nn.Module) -> Iterator[Candidate]:
    """Foreign modules with a weight of their own, and those around a single torch layer."""
    for path, module in model.named_modules():
        if _is_foreign(module):
            own = () if is_parametrized(module) else _weights(module)
            inside = _all_weights(module)
            normalizes = any(isinstance(part, _NormBase) for part in module.modules())
            if own and len(inside) == len(own):
                yield Candidate(path, module, own, True)
            elif not own and len(inside) == 1 and not normalizes:
                holder = module.get_submodule(inside[0].rpartition(".")[0])
                if is_parametrized(module) or type(holder) in _LAYERS:
                    yield Candidate(path, module, inside, is_parametrized(module))


def sign_candidates(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Foreign modules without parameters or parts, which may be a sign."""
    for path, module in model.named_modules():
        plain = not any(True for _ in module.parameters()) and not any(True for _ in module.children())
        if path and plain and _is_foreign(module):
            yield path, module


def _is_foreign(module: nn.Module) -> bool:
    """Whether a module computes something that neither torch nor this package wrote."""
    package = type(module).__module__.partition(".")[0]
    if package == "signbit":
        return False
    # An overridden forward or a hook makes a layer of torch foreign.
    touched = "forward" in vars(module) or module._forward_hooks or module._forward_pre_hooks
    return package != "torch" or is_parametrized(module) or bool(touched)


def _weights(module: nn.Module) -> tuple[str, ...]:
    tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    return tuple(
        name
        for name, tensor in tensors
        if tensor.is_floating_point() and tensor.ndim >= 2 and tensor.numel() > 1
    )


def _all_weights(module: nn.Module) -> tuple[str, ...]:
    return tuple(
        f"{path}.{name}" if path else name
        for path, part in module.named_modules()
        for name in _weights(part)
    )

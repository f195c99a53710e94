"""Turn a real network of torch layers into a binary network that is to be trained."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from signbit.convert._copies import copy_of, replaced
from signbit.convert._feature_norm import FeatureNorm
from signbit.convert._flow import Flow
from signbit.convert._report import Change, Report
from signbit.errors import UsageError, closest
from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryLinear
from signbit.quantizers import Choice

_KINDS: dict[type[nn.Module], tuple[type[nn.Module], type[nn.Module]]] = {
    nn.Conv1d: (BinaryConv1d, nn.BatchNorm1d),
    nn.Conv2d: (BinaryConv2d, nn.BatchNorm2d),
    nn.Linear: (BinaryLinear, FeatureNorm),
}
_RELUS = (nn.ReLU, nn.ReLU6)
_ENDS = {"first": 0, "last": -1}
_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "remove": nn.Identity,
    "hardtanh": nn.Hardtanh,
    "prelu": nn.PReLU,
}
# Modules of torch that call their parts. Others, such as TransformerEncoderLayer, read the weights
# of their parts themselves.
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def binarize(
    model: nn.Module,
    keep: Iterable[str] = ("first", "last"),
    *,
    relu: str = "remove",
    input_quantizer: Choice = "ste_sign",
    weight_quantizer: Choice = "ste_sign",
    **options: Any,
) -> tuple[nn.Module, Report]:
    """A copy of a real network whose layers have binary weights and inputs. It is to be trained.

    `torch.nn.Conv1d`, `Conv2d` and `Linear` become layers of this package with the same biases.
    The weights become the latent weights that training starts from. A sign needs an input around
    zero, and after a ReLU no number is negative. If no batch norm comes
    before a layer, the layer becomes `Sequential(norm, layer)` with a new batch norm. Subclasses
    of torch's layers stay unchanged, and so do functions in a forward, such as F.relu.

    model: the network. It stays unchanged.
    keep: layers that stay real: "first", "last", paths, or patterns such as "head.*".
    relu: the replacement of nn.ReLU and nn.ReLU6: "remove" for nothing, "hardtanh", "prelu", or
        "keep" for no replacement.
    input_quantizer, weight_quantizer, options: arguments of each layer, such as learned_scale=True.

    Shape:  a Linear layer still accepts (..., features). Its batch norm counts all other axes.
    Returns: the copy, in the mode of `model`, and a report, which prints as a table.
    Raises: UsageError for an unknown choice of `relu`, a pattern of `keep` that matches nothing, or
        an argument that a layer refuses.
    """
    if relu != "keep" and relu not in _ACTIVATIONS:
        known = ("keep", *_ACTIVATIONS)
        raise UsageError(f"relu is {relu!r}; give one of {', '.join(known)}.{closest(relu, known)}")
    copied = copy_of(model)
    quantizers = {"input_quantizer": input_quantizer, "weight_quantizer": weight_quantizer}
    # A new layer draws random weights, which are then replaced.
    with torch.random.fork_rng(devices=[]):
        changes = _new_layers(copied, tuple(keep), relu, quantizers | options)
    if relu != "keep":
        for path in _paths(copied, _RELUS):
            changes.append((path, _ACTIVATIONS[relu](), f"relu={relu!r}"))
    told = [_change(path, copied.get_submodule(path), new, why) for path, new, why in changes]
    for path, new, _ in changes:
        if new is not None:
            copied = replaced(copied, path, new)
    return copied, Report(tuple(told))


def _new_layers(
    model: nn.Module, keep: tuple[str, ...], relu: str, options: dict[str, Any]
) -> list[tuple[str, nn.Module | None, str]]:
    """For each layer: its path, its replacement, and the reason."""
    flow, layers = Flow(model), _paths(model, tuple(_KINDS))
    called = flow.order(layers)
    kept = _kept(model, called, keep)
    around_zero = _paths(model, _RELUS) if relu in ("remove", "hardtanh") else []
    found: list[tuple[str, nn.Module | None, str]] = []
    for path in layers:
        old = model.get_submodule(path)
        why = kept.get(path, "" if path in called else "forward does not call it")
        why = why or _read_by_torch(model, path)
        if why:
            found.append((path, None, why))
        elif flow.is_normalized(path, around_zero):
            found.append((path, _binary(old, options), "a batch norm comes before it"))
        else:
            new = _with_norm(old, _binary(old, options))
            found.append((path, new, "its sign needs a batch norm"))
    return found


def _paths(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[str]:
    return [path for path, module in model.named_modules() if type(module) in kinds]


def _kept(model: nn.Module, called: list[str], keep: tuple[str, ...]) -> dict[str, str]:
    """The layers that stay real, and why."""
    kept: dict[str, str] = {}
    every = [path for path, _ in model.named_modules()]
    for pattern in keep:
        if pattern in _ENDS:
            found = [called[_ENDS[pattern]]] if called else []
        else:
            found = [path for path in every if fnmatchcase(path, pattern)]
            if not found:
                raise UsageError(
                    f"keep={pattern!r} matches no module; give 'first', 'last' or paths."
                    f"{closest(pattern, every)}"
                )
            # A module that is kept keeps all its parts.
            found = [
                path for path in every if any(path == f or path.startswith(f"{f}.") for f in found)
            ]
        kept |= dict.fromkeys(found, f"keep={pattern!r}")
    return kept


def _read_by_torch(model: nn.Module, path: str) -> str:
    parent = model.get_submodule(path.rpartition(".")[0]) if path else None
    if parent is None or isinstance(parent, _CONTAINERS):
        return ""
    theirs = type(parent).__module__.startswith("torch.nn")
    return f"{type(parent).__name__} of torch reads its weight itself" if theirs else ""


def _binary(layer: Any, options: dict[str, Any]) -> nn.Module:
    """The binary layer with the parameters of a real layer, also where other layers share them."""
    kind: Any = _KINDS[type(layer)][0]
    # A quantizer that is given as an object may have parameters, so each layer gets a copy.
    common = {"bias": layer.bias is not None, **deepcopy(options)}
    if isinstance(layer, nn.Linear):
        made = kind(layer.in_features, layer.out_features, **common)
    else:
        made = kind(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.groups,
            padding_mode=layer.padding_mode,
            **common,
        )
    made.weight, made.bias = layer.weight, layer.bias
    made.to(layer.weight.device, layer.weight.dtype)
    made._reset_scale()
    return made.train(layer.training)


def _with_norm(layer: Any, binary: nn.Module) -> nn.Module:
    width = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    norm: Any = _KINDS[type(layer)][1]
    made = nn.Sequential()
    made.add_module("norm", norm(width, device=layer.weight.device, dtype=layer.weight.dtype))
    made.add_module("layer", binary)
    return made.train(layer.training)


def _change(path: str, old: nn.Module, new: nn.Module | None, reason: str) -> Change:
    before = type(old).__name__
    if new is None:
        return Change(path, before, before, reason)
    parts = [*new.children()] if isinstance(new, nn.Sequential) else [new]
    return Change(path, before, " + ".join(type(part).__name__ for part in parts), reason)

"""What each layer of a network costs: parameters, operations, bytes."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from signbit.layers import BinaryLayer

WORD_BITS = 64


@dataclass
class LayerCost:
    """The cost of one module. Operations are for one image.

    path: where the module is in the network, such as `features.3`.
    kind: the name of its class.
    output: the shape of its output in the last call, without the batch axis.
    bit_parameters: the number of weights that pack into one bit each.
    real_parameters: the number of all others: other parameters, running statistics, and scales
        that a quantizer computes from weights. Counters of batches do not count.
    binary_macs: multiply-adds of two binary operands, which XNOR and popcount can do.
    real_macs: multiply-adds with at least one real operand. Padded taps count, as in the dense
        formula: outputs x inputs per group x taps of the kernel.
    packed_bytes: the size after packing. Each tap of the kernel takes 8 bytes for every 64 input
        channels, rounded up, in each output channel. Each real number takes 4 bytes.
    """

    path: str
    kind: str
    output: list[int] = field(default_factory=list)
    bit_parameters: int = 0
    real_parameters: int = 0
    binary_macs: int = 0
    real_macs: int = 0
    packed_bytes: int = 0


COUNTS = ("bit_parameters", "real_parameters", "binary_macs", "real_macs", "packed_bytes")


@dataclass(frozen=True)
class Summary:
    """The cost of each layer, in the order of the first calls, and the sums over all layers."""

    layers: Sequence[LayerCost]

    @property
    def totals(self) -> dict[str, int]:
        """Each count summed over all layers, and the bytes of all parameters in float32."""
        totals = {name: sum(getattr(layer, name) for layer in self.layers) for name in COUNTS}
        return totals | {
            "float32_bytes": 4 * (totals["bit_parameters"] + totals["real_parameters"])
        }

    def to_dict(self) -> dict[str, Any]:
        """The totals and the layers as values of JSON."""
        return {"totals": self.totals, "layers": [asdict(layer) for layer in self.layers]}


def summarize(model: nn.Module, input_shape: Sequence[int]) -> Summary:
    """Count the parameters and operations of each layer, by running the model on an image of zeros.

    If the model is on the meta device, nothing is computed or allocated. The model is not changed.
    A layer is a module without children, or one with parameters of its own. A shared parameter
    counts once. The operations of a shared layer count at each call.

    input_shape: the shape of an image without the batch axis, such as (3, 32, 32).

    Raises: the error that the model raises for an image of that shape.
    """
    paths = {module: path for path, module in _layers(model)}
    costs: dict[nn.Module, LayerCost] = {}

    def count(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        cost = costs.setdefault(module, LayerCost(paths[module], type(module).__name__))
        if isinstance(output, Tensor):
            cost.output = list(output.shape[1:])
            _add_macs(cost, module, inputs[0], output)

    hooks = [module.register_forward_hook(count) for module in paths]
    parameter = next(model.parameters(), torch.empty(0))
    image = torch.zeros(1, *input_shape, dtype=parameter.dtype, device=parameter.device)
    try:
        with _evaluating(model), torch.no_grad():
            model(image)
    finally:
        for hook in hooks:
            hook.remove()
    # Tensors are known by their identity. They are kept here, because a new tensor could otherwise
    # get the identity of a freed one.
    seen: dict[int, Tensor] = {}
    for module, path in paths.items():
        cost = costs.setdefault(module, LayerCost(path, type(module).__name__))
        _add_parameters(cost, module, seen)
    return Summary(list(costs.values()))


def _layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    inside = {
        part
        for module in model.modules()
        if isinstance(module, BinaryLayer)
        for part in module.modules()
        if part is not module
    }
    for path, module in model.named_modules():
        whole = isinstance(module, BinaryLayer) or not any(module.children())
        own = any(True for _ in module.parameters(recurse=False))
        if module not in inside and (whole or own):
            yield path, module


def _add_macs(cost: LayerCost, module: nn.Module, x: Tensor, output: Tensor) -> None:
    if isinstance(module, _ConvNd):
        # A transposed convolution spreads each input over the taps.
        spread = isinstance(module, _ConvTransposeNd)
        places, channels = (x, module.out_channels) if spread else (output, module.in_channels)
        macs = places[0].numel() * channels // module.groups * math.prod(module.kernel_size)
    elif isinstance(module, nn.Linear):
        macs = output[0].numel() * module.in_features
    else:
        return
    if isinstance(module, BinaryLayer) and module.has_binary_input and module.has_binary_weight:
        cost.binary_macs += macs
    else:
        cost.real_macs += macs


def _add_parameters(cost: LayerCost, module: nn.Module, seen: dict[int, Tensor]) -> None:
    """Add the tensors of the module itself, and those of a binary layer's quantizers."""
    whole = isinstance(module, BinaryLayer)
    binary = module.weight if whole and module.has_binary_weight else None
    # Only the tensors of the state dict: a quantizer keeps outside of it what only training needs.
    saved = module.state_dict(keep_vars=True)
    held = {key: tensor for key, tensor in saved.items() if whole or "." not in key}
    if whole:
        # As in a packed file: a computed scale counts, and so does a shift by the input's levels.
        held |= {"scale": module.output_scale(), "bias": module.output_shift()}
        if module.has_levels:
            held = {k: v for k, v in held.items() if not k.startswith("input_quantizer.")}
    for tensor in held.values():
        if tensor is None or id(tensor) in seen or not tensor.is_floating_point():
            continue
        seen[id(tensor)] = tensor
        if tensor is binary:
            cost.bit_parameters += tensor.numel()
            # (out, in / groups, *kernel): every tap of an output channel starts a word.
            words = -(-tensor.shape[1] // WORD_BITS)
            cost.packed_bytes += tensor.numel() // tensor.shape[1] * words * WORD_BITS // 8
        else:
            cost.real_parameters += tensor.numel()
            cost.packed_bytes += 4 * tensor.numel()


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into eval mode for a while; afterwards every module has its former mode."""
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in training.items():
            module.training = mode

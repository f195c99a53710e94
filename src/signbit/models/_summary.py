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
    """One module; operations are for one image.

    output: shape without the batch axis, that of the last call.
    bit_parameters: weights that pack into one bit each.
    real_parameters: all others, running statistics, and scales that a quantizer computes from
        weights; counters of batches are left out.
    binary_macs: multiply-adds of two binary operands, which XNOR and popcount can do.
    real_macs: multiply-adds with a real operand, also where the weights are binary. Padded taps
        count, as in the dense formula: outputs x inputs per group x taps of the kernel.
    packed_bytes: 8 for each started word of 64 input channels, for each tap of the kernel and
        each output channel; 4 for each real number.
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
    """The layers in the order of their first call, and their sums."""

    layers: Sequence[LayerCost]

    @property
    def totals(self) -> dict[str, int]:
        """Each count, over all layers, and the bytes of all parameters as float32."""
        totals = {name: sum(getattr(layer, name) for layer in self.layers) for name in COUNTS}
        return totals | {
            "float32_bytes": 4 * (totals["bit_parameters"] + totals["real_parameters"])
        }

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"totals": self.totals, "layers": [asdict(layer) for layer in self.layers]}


def summarize(model: nn.Module, input_shape: Sequence[int]) -> Summary:
    """Count what the layers of a model hold and do, by running it on one image of zeros.

    On the meta device nothing is computed or allocated. The model is left as it was. Layers are
    modules without children, and others that hold parameters of their own; what is shared
    counts once among the parameters, at each call among the operations.

    input_shape: without the batch axis, such as (3, 32, 32).

    Raises: what the model raises for an image of that shape.
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
    # By identity, and kept: a computed tensor that is gone gives its identity to another.
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
    """Add what the module itself holds, and a binary layer's quantizers."""
    whole = isinstance(module, BinaryLayer)
    binary = module.weight if whole and module.has_binary_weight else None
    # What a file holds: a quantizer keeps in other buffers what only training needs.
    saved = module.state_dict(keep_vars=True)
    held = {key: tensor for key, tensor in saved.items() if whole or "." not in key}
    if whole:
        # As a file has them: computed scales, too, and with what the levels of the input add.
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
    """Eval mode for a while; every module then has its own mode again."""
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in training.items():
            module.training = mode

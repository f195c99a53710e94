"""Look at the signs that torch computes, wherever a network has them."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from signbit.layers import BinaryLayer
from signbit.pack._draft import Call
from signbit.quantizers import AbstractQuantizer

Found = dict[Call, list[NDArray[np.bool_]]]


class Watch:
    """Looks at the signs of each quantizer, of a layer's input or alone, in one forward pass.

    found: bits by call, more than once where several nodes have them.
    replace: go on with the bits found, so that every layer is looked at by itself.
    """

    def __init__(self, found: Found, replace: bool):
        self.found, self.replace = found, replace
        self.differ, self.calls_seen = 0, set[Call]()
        self._calls, self._in_layer = Counter[str](), False

    @contextmanager
    def over(self, model: nn.Module) -> Iterator[None]:
        """While it lasts, a forward pass of the model is watched."""
        with ExitStack() as stack:
            for path, module in model.named_modules():
                if isinstance(module, BinaryLayer):
                    module.quantized_input = self._input_of(path, module)  # pyright: ignore
                    stack.callback(delattr, module, "quantized_input")
                elif isinstance(module, AbstractQuantizer):
                    stack.enter_context(module.register_forward_hook(self._output_of(path)))
            yield

    def _input_of(self, path: str, layer: BinaryLayer) -> Callable[[Tensor], Tensor]:
        quantized_input = layer.quantized_input

        def watched(x: Tensor) -> Tensor:
            self._in_layer = True
            signs = quantized_input(x)
            self._in_layer = False
            replaced = self._look(path, signs)
            return signs if replaced is None else replaced

        return watched

    def _output_of(self, path: str) -> Callable[..., Tensor | None]:
        def watched(quantizer: Any, inputs: tuple[Tensor], output: Tensor) -> Tensor | None:
            if self._in_layer:
                return None
            levels = quantizer.distance_and_centre()
            self._in_layer = True
            signs = output if levels is None else quantizer.signs(*inputs)
            self._in_layer = False
            replaced = self._look(path, signs)
            if levels is None or replaced is None:
                return replaced
            return replaced * levels[0] + levels[1]

        return watched

    def _look(self, path: str, signs: Tensor) -> Tensor | None:
        """Count what differs; the signs to go on with, where they are others."""
        call = path, self._calls[path]
        self._calls[path] += 1
        if call not in self.found:
            return None
        self.calls_seen.add(call)
        wanted = signs.reshape(len(signs), -1).numpy() > 0
        self.differ += sum(int((bits != wanted).sum()) for bits in self.found[call])
        bits = torch.from_numpy(np.ascontiguousarray(self.found[call][0])).reshape(signs.shape)
        return bits.to(signs.dtype) * 2 - 1 if self.replace else None

"""Operations on each number by itself, with parameters per channel."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from signbit.errors import UsageError
from signbit.format.bits import has_tail_bits, words_for
from signbit.format.ops._base import (
    AbstractOperation,
    Attributes,
    operations,
    require_one_shape,
    tensor_bytes,
)
from signbit.format.types import BITS, F32, I32, U8, Node, Number, TensorType, ValueType


def _check_tail(node: Node, name: str, channels: int) -> None:
    if has_tail_bits(node.tensors[name], channels):
        raise UsageError(f"tensor {name!r} has bits set beyond its {channels} channels")


class _Normalize(AbstractOperation):
    """u8 to f32: pixel * scale + bias, rounded after each of the two."""

    kinds = ((U8,),)

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        return inputs[0]._replace(kind=F32)

    def tensors(
        self, attributes: Attributes, inputs: Sequence[ValueType]
    ) -> Mapping[str, TensorType]:
        channel = TensorType("float32", (inputs[0].channels,))
        return {"scale": channel, "bias": channel}

    def check_values(self, node: Node, inputs: Sequence[ValueType]) -> None:
        for name, values in node.tensors.items():
            if not np.isfinite(values).all():
                raise UsageError(f"tensor {name!r} holds NaN or infinity")

    def memory(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """A copy, and the tensors once for each column, in lists that double as they grow."""
        return (1 + 3 * output.width) * tensor_bytes(node)


class _Affine(_Normalize):
    """i32 or f32 to f32: x * scale + bias in one rounding (fused multiply-add)."""

    kinds = ((I32, F32),)

    def check_values(self, node: Node, inputs: Sequence[ValueType]) -> None:
        """Any number is allowed: a batch norm may be broken in some channels."""

    def memory(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """A copy."""
        return tensor_bytes(node)


class _Threshold(AbstractOperation):
    """Numbers to bits: x < threshold where the channel's bit of `below` is set, else x > threshold.

    NaN becomes 0. A threshold at the end of the range makes the bit constant.
    """

    kinds = ((U8, I32, F32),)

    def version(self, inputs: Sequence[ValueType]) -> int:
        """Version 1 does not compare pixels."""
        return 2 if inputs[0].kind == U8 else 1

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        return inputs[0]._replace(kind=BITS)

    def tensors(
        self, attributes: Attributes, inputs: Sequence[ValueType]
    ) -> Mapping[str, TensorType]:
        dtype = "float32" if inputs[0].kind == F32 else "int32"
        channels = inputs[0].channels
        return {
            "threshold": TensorType(dtype, (channels,)),
            "below": TensorType("uint64", (words_for(channels),)),
        }

    def check_values(self, node: Node, inputs: Sequence[ValueType]) -> None:
        _check_tail(node, "below", inputs[0].channels)
        if np.isnan(node.tensors["threshold"]).any():
            raise UsageError("tensor 'threshold' holds NaN")

    def memory(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """The tensors, and a limit and a sign for each channel."""
        return tensor_bytes(node) + 8 * output.channels


class _Flip(AbstractOperation):
    """bits to bits: inverted where the channel's bit of `mask` is set."""

    kinds = ((BITS,),)

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        return inputs[0]

    def tensors(
        self, attributes: Attributes, inputs: Sequence[ValueType]
    ) -> Mapping[str, TensorType]:
        return {"mask": TensorType("uint64", (words_for(inputs[0].channels),))}

    def check_values(self, node: Node, inputs: Sequence[ValueType]) -> None:
        _check_tail(node, "mask", inputs[0].channels)


class _Signs(AbstractOperation):
    """bits to f32: +1.0 where a bit is set, else -1.0."""

    kinds = ((BITS,),)

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        return inputs[0]._replace(kind=F32)


class _Clamp(AbstractOperation):
    """f32 to f32: min(max(x, low), high); NaN stays. ReLU and Hardtanh are these."""

    kinds = ((F32,),)
    attributes: ClassVar = {"low": Number(), "high": Number()}

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        if attributes["low"] > attributes["high"]:
            raise UsageError(
                f"attribute 'low' is {attributes['low']}, above 'high', which is "
                f"{attributes['high']}"
            )
        return inputs[0]


class _Prelu(AbstractOperation):
    """f32 to f32: x where x > 0, else slope * x."""

    kinds = ((F32,),)

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        return inputs[0]

    def tensors(
        self, attributes: Attributes, inputs: Sequence[ValueType]
    ) -> Mapping[str, TensorType]:
        return {"slope": TensorType("float32", (inputs[0].channels,))}


class _Add(AbstractOperation):
    """f32 and f32 to f32."""

    kinds = ((F32,), (F32,))

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        require_one_shape(inputs)
        return inputs[0]


operations.register("normalize")(_Normalize())
operations.register("affine")(_Affine())
operations.register("threshold")(_Threshold())
operations.register("flip")(_Flip())
operations.register("signs")(_Signs())
operations.register("clamp")(_Clamp())
operations.register("prelu")(_Prelu())
operations.register("add")(_Add())

"""What a file of `signbit export` says about its network, for people and for this importer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from signbit.errors import ConvertError, UsageError
from signbit.format import Input, PackedModel, Preprocessing, Signature
from signbit.format.types import U8
from signbit.importers._interface import Given
from signbit.importers.onnx._file import Content
from signbit.pack import OutputSpec


class Notes:
    """The notes of a file; none where another tool wrote it.

    The graph of a file computes with codes. Only the notes say which numbers the codes stand for.
    """

    def __init__(self, content: Content):
        self._content = content
        self._noted = content.notes if content.is_own else {}

    def complete(self, given: Given, inputs: Sequence[Input]) -> Given:
        """What the caller says, then what the notes say.

        inputs: as the graph reads them.
        """
        pixels = given.preprocessing
        if pixels is None and given.inputs is None and self._content.is_of_images:
            pixels = self._preprocessing(inputs[0])
        if pixels is not None:
            scale, bias = inputs[0].scale, inputs[0].bias
            return replace(given, preprocessing=replace(pixels, scale=scale, bias=bias))
        outputs = given.outputs
        if outputs is None and self._entries("outputs"):
            outputs = [
                self._told(OutputSpec.from_dict, one, number)
                for number, one in enumerate(self._entries("outputs"), 1)
            ]
        return replace(given, inputs=inputs, outputs=outputs)

    def restore(self, model: PackedModel, given: Given) -> PackedModel:
        """The network with the scales and biases that the caller says, or the notes.

        Its graph does not use them.
        """
        pixels = given.preprocessing
        if pixels is None and given.inputs is None and self._content.is_of_images:
            found = {name: self._noted[name] for name in ("scale", "bias") if name in self._noted}
            pixels = self._told(lambda: replace(model.preprocessing, **found))
        if pixels is not None and model.signature.is_of_images:
            signature = Signature.of_images(pixels, model.outputs[0].node)
        else:
            signature = Signature(self._inputs(model, given), model.outputs)
        return PackedModel(model.nodes, signature, model.info)

    def _inputs(self, model: PackedModel, given: Given) -> Sequence[Input]:
        pixels, noted = given.preprocessing, self._entries("inputs")
        if given.inputs is not None:
            return given.inputs
        if pixels is not None:
            (one,) = model.inputs
            return [replace(one, scale=pixels.scale, bias=pixels.bias)]
        if not noted:
            return model.inputs
        if len(noted) != len(model.inputs):
            raise self._error("other inputs than its graph")
        pairs = zip(model.inputs, noted, strict=True)
        return [self._told(_restored, one, entry) for one, entry in pairs]

    def _preprocessing(self, pixels: Input) -> Preprocessing:
        classes, crop = self._noted.get("classes", ()), self._noted.get("crop")
        size = pixels.shape[0], pixels.shape[1]
        return self._told(Preprocessing, pixels.scale, pixels.bias, size, classes, crop)

    def _entries(self, name: str) -> list[dict[str, Any]]:
        found = self._noted.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self._error(f"no list of {name}")
        return found

    def _told(self, make: Any, *values: Any) -> Any:
        try:
            return make(*values)
        except (UsageError, TypeError, ValueError) as error:
            raise self._error(str(error)) from error

    def _error(self, reason: str) -> ConvertError:
        return ConvertError(f"{self._content.place}: its notes are damaged: {reason}")


def _restored(one: Input, noted: Mapping[str, Any]) -> Input:
    if one.kind != U8:
        return one
    return replace(
        one, **{name: noted[name] for name in ("scale", "bias", "crop") if name in noted}
    )

"""What a caller of `pack` says about the network's inputs and outputs."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from signbit.errors import PackError, UsageError
from signbit.format import Input, Output, PackedModel, Preprocessing, Signature
from signbit.format.signature import CLASSES, LABELS
from signbit.pack._draft import Step
from signbit.pack._layout import Placed, as_map
from signbit.pack._outputs import OutputSpec
from signbit.pack._place import Place
from signbit.passes.temperature import unmoved


@dataclass(frozen=True)
class Asked:
    """The inputs and outputs that a packed network is to have.

    inputs: with the shapes of torch, channels last.
    specs: those of the outputs; None for one row of class scores.
    preprocessing: where it describes the input.
    """

    inputs: Sequence[Input]
    specs: Sequence[OutputSpec] | None
    preprocessing: Preprocessing | None

    def steps(self, values: Sequence[Placed], place: Place) -> list[Step]:
        """The values of the outputs as maps. Raises: PackError where one has no usual shape."""
        if self.specs is None:
            return [_row(values[0], place)]
        return [_map(value, spec, place) for value, spec in zip(values, self.specs, strict=True)]

    def signature(self, nodes: Sequence[int], values: Sequence[Placed]) -> Signature:
        """The signature of the file. Raises: UsageError for names or kinds that do not fit."""
        if self.specs is None and self.preprocessing is not None:
            return Signature.of_images(self.preprocessing, nodes[0])
        if self.specs is None:
            return Signature(self.inputs, [Output("scores", CLASSES, nodes[0])])
        for spec, value in zip(self.specs, values, strict=True):
            channels = next(iter(value.shape), 1)
            if len(spec.names) not in (0, channels):
                raise UsageError(
                    f"output {spec.name!r} has {len(spec.names)} names, but the network returns "
                    f"{channels} channels for it; give one name for each channel"
                )
        ranks = [max(len(value.shape), 1) for value in values]
        outputs = [
            spec.at(node, rank) for spec, node, rank in zip(self.specs, nodes, ranks, strict=True)
        ]
        return Signature(self.inputs, outputs)


def asked(
    model: nn.Module,
    preprocessing: Preprocessing | None,
    inputs: Sequence[Input] | None,
    outputs: Sequence[OutputSpec] | None,
) -> Asked:
    """Raises: UsageError where the arguments do not go together."""
    if (preprocessing is None) == (inputs is None):
        raise UsageError(
            "pack needs either a preprocessing, for one input of pixels, or inputs=[...]"
        )
    for name, values, kind in (("inputs", inputs, Input), ("outputs", outputs, OutputSpec)):
        if values is None:
            continue
        if not values or not all(isinstance(one, kind) for one in values):
            raise UsageError(f"{name}: give a list of {kind.__name__}, one or more")
    if inputs is not None:
        return Asked(inputs, outputs, None)
    if not isinstance(preprocessing, Preprocessing):
        raise UsageError(
            f"preprocessing: {type(preprocessing).__name__}; give a signbit.format.Preprocessing, "
            "such as Preprocessing.from_mean_std([0.5], [0.5], size=(28, 28))"
        )
    if outputs is not None and preprocessing.classes:
        raise UsageError("names of classes: give them in the OutputSpec, not in the preprocessing")
    return Asked([_pixels(model, preprocessing)], outputs, preprocessing)


def require_scores(packed: PackedModel) -> None:
    """Raises: UsageError for labels that are probabilities, which are all above 0."""
    for one in packed.outputs:
        source = unmoved(packed, one.node)
        if one.kind != LABELS or packed.is_input(source):
            continue
        node = packed.node(source)
        ends = node.attributes.get("function", node.op)
        if ends in ("sigmoid", "softmax"):
            raise UsageError(
                f"output {one.name!r}: labels are scores that mean yes where they are above 0, but "
                f"this output ends in a {ends}, which is always above 0; return the values before "
                f'the {ends}, or say kind="numbers"'
            )


def _pixels(model: nn.Module, preprocessing: Preprocessing) -> Input:
    """The input of pixels. Images of one row may be sequences, (N, C, L)."""
    size: tuple[int, ...] = tuple(preprocessing.size)
    kinds = [type(module) for module in model.modules()]
    if any(issubclass(kind, nn.Conv1d) for kind in kinds) and size[0] == 1:
        size = size[1:]
    shape = (*size, preprocessing.channels)
    scale, bias, crop = preprocessing.scale, preprocessing.bias, preprocessing.crop
    return Input.pixels("pixels", shape, scale, bias, crop)


def _row(output: Placed, place: Place) -> Step:
    """The scores as one row. Raises: PackError where there is not one score per class."""
    shape = tuple(side for side in output.shape if side != 1) or (1,)
    if len(shape) != 1 or output.shape[:1] != shape:
        raise PackError(
            f"the network returns values of shape {output.shape} for an image; return one row of "
            "scores, or say with outputs=[OutputSpec(...)] what they are"
        )
    return as_map(output, place, shape)


def _map(output: Placed, spec: OutputSpec, place: Place) -> Step:
    if len(output.shape) > 3:
        raise PackError(
            f"the network returns values of shape {output.shape} for output {spec.name!r}; an "
            "output is a row (C,), a sequence (C, L) or a map (C, H, W)"
        )
    return as_map(output, place, output.shape or (1,))

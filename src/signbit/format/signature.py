"""The named inputs and outputs of a packed network."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from signbit.errors import UsageError
from signbit.format.checks import MAX_CHANNELS, fields_of, finite_numbers, one_line_names
from signbit.format.preprocessing import Preprocessing, check_crop
from signbit.format.types import BITS, F32, U8, ValueType, shown, value_type

MAX_NAMED = 64
MAX_NAME = 64
INPUT_KINDS = (U8, F32, BITS)
CLASSES, LABELS, NUMBERS = OUTPUT_KINDS = ("classes", "labels", "numbers")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The names that exporters use for the values of nodes, and for their tensors.
_OF_NODES = re.compile(r"n[0-9]+(_.*)?")


@dataclass(frozen=True)
class Input:
    """An input of a network.

    name: an identifier.
    kind: "u8" for pixels or other codes of 8 bits, "f32" for numbers, "bits" for -1 and +1.
    shape: the shape of one sample, channels last: (C,) for features, (L, C) for a sequence,
        (H, W, C) for a map.
    scale, bias: only for u8: real input = scale * code + bias. Give one number for all channels, or
        one per channel.
    crop: only for pictures (u8 maps, grey or RGB): how image files are fitted to the shape, as in
        `Preprocessing`.

    Raises: UsageError, which names the input and the field.
    """

    name: str
    kind: str
    shape: Sequence[int]
    scale: Sequence[float] = ()
    bias: Sequence[float] = ()
    crop: float | None = None

    def __post_init__(self):
        _check_name("input", self.name)
        _check_kind(f"input {self.name!r}", self.kind, INPUT_KINDS)
        object.__setattr__(self, "shape", _shape(self))
        for field in ("scale", "bias"):
            object.__setattr__(self, field, self._per_channel(field))
        object.__setattr__(self, "crop", self._crop())

    @classmethod
    def pixels(
        cls,
        name: str,
        shape: Sequence[int],
        scale: Sequence[float],
        bias: Sequence[float],
        crop: float | None = None,
    ) -> "Input":
        """Pixels, 0 to 255. The network computes with scale * pixel + bias in each channel."""
        return cls(name, U8, shape, scale, bias, crop)

    @classmethod
    def fixed_point(
        cls, name: str, shape: Sequence[int], step: float, lowest: float = 0.0
    ) -> "Input":
        """Numbers on a grid: lowest + step * code, for codes 0 to 255.

        Where `lowest` is a whole or half number of steps, a first layer with binary weights
        computes in integers, on the codes. `signbit.encode.fixed_point` makes the codes.
        """
        return cls(name, U8, shape, (step,), (lowest,))

    @classmethod
    def numbers(cls, name: str, shape: Sequence[int]) -> "Input":
        """Real numbers, float32."""
        return cls(name, F32, shape)

    @classmethod
    def bits(cls, name: str, shape: Sequence[int]) -> "Input":
        """Values of -1 and +1."""
        return cls(name, BITS, shape)

    @property
    def type(self) -> ValueType:
        """Its kind and size in the graph."""
        *sides, channels = self.shape
        height, width = (1, 1, *sides)[-2:]
        return value_type(self.kind, height, width, channels)

    def __str__(self) -> str:
        sides = ", ".join(map(str, self.shape))
        return f"{self.name} ({self.kind}, {sides})"

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        plain: dict[str, Any] = {"name": self.name, "kind": self.kind, "shape": list(self.shape)}
        if self.kind == U8:
            plain |= {"scale": list(self.scale), "bias": list(self.bias)}
        return plain if self.crop is None else {**plain, "crop": self.crop}

    @classmethod
    def from_dict(cls, values: Any, number: int) -> "Input":
        """The inverse of `to_dict`.

        number: the number of the input, from 1, for error messages.

        Raises: UsageError for missing or unknown fields.
        """
        fields = ("name", "kind", "shape", "scale", "bias", "crop")
        return cls(**fields_of(f"input {number}", values, fields[:3], fields))

    @property
    def is_picture(self) -> bool:
        """Whether it is one picture, grey or RGB, in codes of 8 bits."""
        return self.kind == U8 and len(self.shape) == 3 and self.shape[2] in (1, 3)

    def _crop(self) -> float | None:
        crop = check_crop(self.crop, f"input {self.name!r}: ")
        if crop is not None and not self.is_picture:
            raise UsageError(f"input {self!s}: crop is only for pictures, u8 with 1 or 3 channels")
        return crop

    def _per_channel(self, field: str) -> tuple[float, ...]:
        values, channels = getattr(self, field), self.shape[-1]
        if self.kind != U8:
            if values != () and values != []:
                raise UsageError(f"input {self.name!r} is {self.kind}; {field} is only for u8")
            return ()
        numbers = finite_numbers(f"input {self.name!r}", field, values)
        if len(numbers) not in (1, channels):
            raise UsageError(
                f"input {self.name!r}: {field} has {len(numbers)} entries; give one, or one for "
                f"each of {channels} channels"
            )
        return numbers * channels if len(numbers) == 1 and channels <= MAX_CHANNELS else numbers


@dataclass(frozen=True)
class Output:
    """An output of a network.

    name: an identifier.
    kind: "classes" for scores of which the highest is the answer. "labels" for scores that each
        answer a question of their own, with yes above 0. "numbers" for anything else.
    node: the number of the value in the graph.
    rank: the rank of the array of one sample: 1 for a row, 2 for a sequence, 3 for a map.
    names: the names of its channels: classes, labels or quantities; may be empty.

    Raises: UsageError, which names the output and the field.
    """

    name: str
    kind: str
    node: int
    rank: int = 1
    names: Sequence[str] = ()

    def __post_init__(self):
        _check_name("output", self.name)
        _check_kind(f"output {self.name!r}", self.kind, OUTPUT_KINDS)
        if type(self.node) is not int:
            raise UsageError(f"output {self.name!r}: node is {shown(self.node)}; give a number")
        if type(self.rank) is not int or not 1 <= self.rank <= 3:
            raise UsageError(f"output {self.name!r}: rank is {shown(self.rank)}; give 1, 2 or 3")
        names = one_line_names(f"output {self.name!r}", "names", self.names)
        object.__setattr__(self, "names", names)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "node": self.node,
            "rank": self.rank,
            "names": list(self.names),
        }

    @classmethod
    def from_dict(cls, values: Any, number: int) -> "Output":
        """The inverse of `to_dict`.

        number: the number of the output, from 1, for error messages.

        Raises: UsageError for missing or unknown fields.
        """
        fields = ("name", "kind", "node", "rank", "names")
        return cls(**fields_of(f"output {number}", values, fields, fields))

    def require_fit(self, value: ValueType) -> None:
        """Raises: UsageError where a value does not fit what the output says about it."""
        sides = (value.height, value.width)[: 3 - self.rank]
        if any(side != 1 for side in sides):
            raise UsageError(
                f"output {self.name!r}: node {self.node} returns {value}, which has more axes than "
                f"rank {self.rank}"
            )
        if self.kind != NUMBERS and value.kind != F32:
            raise UsageError(
                f"output {self.name!r}: node {self.node} returns {value}; scores of {self.kind} "
                f"must be {F32}"
            )
        if len(self.names) not in (0, value.channels):
            raise UsageError(
                f"output {self.name!r} has {len(self.names)} names, but node {self.node} returns "
                f"{value.channels} channels"
            )


@dataclass(frozen=True)
class Signature:
    """The inputs of a network, in the order of their numbers from 0, and its outputs.

    Raises: UsageError where there are none or too many, where two have the same name, or where two
        outputs are the same value.
    """

    inputs: Sequence[Input]
    outputs: Sequence[Output]

    def __post_init__(self):
        for field, kind in (("inputs", Input), ("outputs", Output)):
            values = tuple(getattr(self, field))
            if not 1 <= len(values) <= MAX_NAMED:
                raise UsageError(f"a network has 1 to {MAX_NAMED} {field}, not {len(values)}")
            if not all(isinstance(one, kind) for one in values):
                raise UsageError(f"{field}: give a list of {kind.__name__}")
            object.__setattr__(self, field, values)
        names = [one.name for one in (*self.inputs, *self.outputs)]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"two inputs or outputs have the name {name!r}; rename one")
        nodes = [one.node for one in self.outputs]
        for one in self.outputs:
            if nodes.count(one.node) > 1:
                raise UsageError(f"two outputs are the value of node {one.node}; name it once")

    @classmethod
    def of_images(cls, preprocessing: Preprocessing, last: int) -> "Signature":
        """From pixels to class scores, which are the value of node number `last`."""
        shape = (*preprocessing.size, preprocessing.channels)
        given = preprocessing
        pixels = Input.pixels("pixels", shape, given.scale, given.bias, given.crop)
        return cls((pixels,), (Output("scores", CLASSES, last, 1, preprocessing.classes),))

    @property
    def is_of_images(self) -> bool:
        """Whether it is one image of pixels, and one row of class scores."""
        taken, given = self.inputs[0], self.outputs[0]
        alone = len(self.inputs) == len(self.outputs) == 1
        image = taken.kind == U8 and len(taken.shape) == 3 and len(taken.scale) == taken.shape[2]
        return alone and image and given.kind == CLASSES and given.rank == 1

    def moved(self, place: Mapping[int, int]) -> "Signature":
        """The same signature after nodes got other numbers.  place: the new number of each."""
        outputs = [replace(one, node=place[one.node]) for one in self.outputs]
        return Signature(self.inputs, outputs)

    def preprocessing(self) -> Preprocessing:
        """Pixels and classes of a network that accepts one image and returns class scores.

        Raises: UsageError for any other network.
        """
        taken, given = self.inputs[0], self.outputs[0]
        if not self.is_of_images:
            raise UsageError(
                f"the network accepts {', '.join(map(str, self.inputs))} and returns "
                f"{', '.join(f'{one.name} ({one.kind})' for one in self.outputs)}; this is only "
                "for networks that accept one image of pixels and return one row of class scores"
            )
        size = (taken.shape[0], taken.shape[1])
        return Preprocessing(taken.scale, taken.bias, size, given.names, taken.crop)


def takes_picture(inputs: Sequence[Input]) -> bool:
    """Whether they are one picture, grey or RGB, in codes of 8 bits."""
    return inputs[0].is_picture and len(inputs) == 1


def _check_name(what: str, name: Any) -> None:
    fits = isinstance(name, str) and len(name) <= MAX_NAME and _NAME.fullmatch(name)
    if not fits or _OF_NODES.fullmatch(name):
        raise UsageError(
            f"{what} name {shown(name)}; give an identifier of at most {MAX_NAME} ASCII letters, "
            "digits and _, but not n with a number, which is reserved for nodes"
        )


def _check_kind(what: str, kind: Any, known: Sequence[str]) -> None:
    if not isinstance(kind, str) or kind not in known:
        raise UsageError(f"{what}: kind is {shown(kind)}; give one of {', '.join(known)}")


def _shape(one: Input) -> tuple[int, ...]:
    shape = one.shape
    listed = isinstance(shape, Sequence) and not isinstance(shape, str) and 1 <= len(shape) <= 3
    if not listed or not all(type(side) is int and side >= 1 for side in shape):
        raise UsageError(
            f"input {one.name!r}: shape is {shown(shape)}; give (channels,), (length, channels) or "
            "(height, width, channels), each 1 or more"
        )
    *sides, channels = shape
    height, width = (1, 1, *sides)[-2:]
    try:
        value_type(one.kind, height, width, channels)
    except UsageError as error:
        raise UsageError(f"input {one.name!r}: {error}") from error
    return tuple(shape)

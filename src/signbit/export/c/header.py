"""The `.h` of an exported network."""

from signbit.export._interface import ExportRequest
from signbit.export._template import template
from signbit.export.c.arguments import Argument, Arguments, declarations
from signbit.export.c.plan import CPlan
from signbit.export.c.weights import words32_for
from signbit.format import Input, Output
from signbit.format.signature import CLASSES, LABELS
from signbit.format.types import BITS, F32, I32, U8

_MEANINGS = {
    BITS: "bits",
    F32: "numbers",
    I32: "whole numbers",
    U8: "codes, 0 to 255",
}
_WORDS = """
 * Bits are in words: channel c of a position is bit c % 32 of its word c / 32; 1 is +1, 0 is -1.
 * The unused bits of the last word of a position must be 0."""
_SCORES = {
    CLASSES: "scores of classes; the highest is the answer",
    LABELS: "scores of labels; a score above 0 means yes",
}


def header(request: ExportRequest, plan: CPlan) -> str:
    """The header file that a program includes."""
    name, arguments = request.name, plan.arguments
    every = [*arguments.inputs, *arguments.outputs]
    upper = name.upper()
    sizes = _image_sizes(arguments, upper) if arguments.is_image else ""
    if arguments.scores is not None:
        sizes += _macro(upper, "CLASSES", arguments.scores.value.channels)
    named = [one for one in arguments.outputs if one.names]
    names = "".join(f"extern {array_of_names(name, one)};\n" for one in named)
    return template(
        "c",
        "network.h",
        UPPER=upper,
        NAME=name,
        SIZES=sizes,
        ARGUMENTS="\n".join(_argument(one, upper) for one in every),
        BYTES_OF_ARENA=plan.arena_bytes,
        BYTES_OF_CONSTANTS=plan.constant_bytes,
        CHANNEL_NAMES=f"{names}\n" if names else "",
        FUNCTIONS=_functions(name, arguments),
        BITS_IN_WORDS=_WORDS if any(one.value.kind == BITS for one in every) else "",
    )


def array_of_names(name: str, output: Argument) -> str:
    """The declaration of the names of an output's channels."""
    upper = name.upper()
    if output.parameter == "scores":
        return f"const char *const {name}_class_names[{upper}_CLASSES]"
    return f"const char *const {name}_{output.name}_names[{upper}_{output.macro}_CHANNELS]"


def _image_sizes(arguments: Arguments, upper: str) -> str:
    _, height, width, channels = arguments.inputs[0].value
    sizes = {"HEIGHT": height, "WIDTH": width, "CHANNELS": channels}
    return "".join(_macro(upper, name, size) for name, size in sizes.items())


def _argument(one: Argument, upper: str) -> str:
    """A comment that describes an input or output, and macros with its sizes."""
    sizes = {side.upper(): size for side, size in one.sides.items()}
    sizes["CHANNELS"] = one.value.channels
    if one.value.kind == BITS:
        sizes["WORDS"] = words32_for(one.value.channels)
    sizes["COUNT"] = one.count
    axes = " x ".join([*one.sides, "channels"])
    macros = "".join(_macro(upper, f"{one.macro}_{name}", size) for name, size in sizes.items())
    return f"/* {one.parameter}: {axes}; {_meaning(one)}. */\n{macros}"


def _meaning(one: Argument) -> str:
    source, meaning = one.source, _MEANINGS[one.value.kind]
    if isinstance(source, Output):
        return _SCORES.get(source.kind, meaning)
    if source.kind != U8:
        return meaning
    return f"{meaning}{', RGB' if _is_rgb(one) else ''}; {_scaling(source)}"


def _is_rgb(one: Argument) -> bool:
    return one.rank == 3 and one.value.channels == 3


def _scaling(source: Input) -> str:
    scale, bias = set(source.scale), set(source.bias)
    if len(scale) == len(bias) == 1:
        return f"a code p stands for {scale.pop():.9g} * p + {bias.pop():.9g}"
    return "each channel has a scale of its own"


def _macro(upper: str, name: str, value: int) -> str:
    return f"#define {upper}_{name} {value}\n"


def _functions(name: str, arguments: Arguments) -> str:
    scores = arguments.scores
    every = declarations([*arguments.inputs, *arguments.outputs])
    words = {"NAME": name, "UPPER": name.upper(), "EVERY": every}
    if arguments.is_image:
        return template("c", "image.h", **words)
    words["SHARED"] = declarations([*arguments.inputs, *arguments.others])
    texts = [template("c", "run.h", **words)]
    if scores is not None:
        others = f"\n * Writes the other outputs, as {name}_run does." if arguments.others else ""
        texts.append(template("c", "classify.h", SCORES=scores.name, OTHERS=others, **words))
    return "\n".join(texts)

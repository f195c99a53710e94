"""Options of `evaluate`, `predict` and `pack --calibrate` for networks of any task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signbit.cli._classes import names_given, names_in_folders
from signbit.cli._output import say
from signbit.errors import UsageError

if TYPE_CHECKING:
    from signbit.data import FrontEnd, Selection, Target
    from signbit.format import PackedModel
    from signbit.runtime.engine import Engine

SampleSource = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="D",
        help="Data set: digits, cifar10, cifar100, mnist, fashion-mnist, folder:PATH, tar:PATH or "
        "parquet:PATH (docs/data.md). For packed networks also FILE.csv, FILE.parquet or FILE.npz "
        "(docs/tasks.md).",
    ),
]
Features = Annotated[
    list[str] | None,
    typer.Option(
        "--features",
        metavar="[INPUT=]A,B,...",
        help="Columns, or the array, that an input reads. Repeat the option for several inputs.  "
        "[default: for a table, all columns that are not used otherwise; for arrays, those with "
        "the names of the inputs]",
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="[OUTPUT=]COLUMN",
        help="Column or array with the true answers for an output. Repeat the option for each "
        "label or number.  [default: those with the names of the outputs, labels or numbers]",
    ),
]
Ignored = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="COLUMN",
        help="Column or array that is neither an input nor a true answer. May be repeated.",
    ),
]
Codes = Annotated[
    bool,
    typer.Option(
        "--codes",
        help="The numbers for an 8-bit input are codes from 0 to 255, not real numbers.",
    ),
]
Threshold = Annotated[
    float,
    typer.Option(
        "--threshold",
        metavar="P",
        help="The network answers a label with yes if the label's probability is above P.",
    ),
]
FrontEndText = Annotated[
    str | None,
    typer.Option(
        "--front-end",
        metavar="KIND:KEY=VALUE,...|FILE.yaml",
        help="The features that are computed from WAV files, log_mel or mfcc, such as "
        "mfcc:sample_rate=16000,window=30,hop=20,coefficients=10,seconds=1.",
    ),
]

DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class SampleOptions:
    """The options above, as they were given."""

    features: Sequence[str] | None = None
    targets: Sequence[str] | None = None
    ignored: Sequence[str] | None = None
    codes: bool = False
    threshold: float = DEFAULT_THRESHOLD
    front_end: str | None = None

    def selection(self, engine: "Engine | PackedModel") -> "Selection":
        """Which columns or arrays are inputs, and which are true answers.

        The name of a column may contain `=`. So the text before the first `=` names an input or
        output only if the network has one of that name.
        """
        from signbit.data import Selection

        inputs = [one.name for one in engine.inputs]
        outputs = [one.name for one in engine.outputs]
        return Selection(
            tuple(_split(text, inputs, commas=True) for text in self.features or ()),
            tuple(_split(text, outputs, commas=False) for text in self.targets or ()),
            tuple(self.ignored or ()),
            self.codes,
        )

    def chosen_front_end(self) -> "FrontEnd | None":
        """The front end of --front-end; None without the option. Raises: UsageError."""
        if self.front_end is None:
            return None
        from signbit.data import FrontEnd

        return FrontEnd.parse(self.front_end)

    def given(self) -> dict[str, object]:
        """Each option that was given, with its value."""
        names = {"targets": "target", "ignored": "ignore", "front_end": "front-end"}
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        defaults = {field.name: field.default for field in fields(self)}
        return {
            f"--{names.get(name, name)}": value
            for name, value in values.items()
            if value not in (defaults[name], [])
        }

    def refuse_any(self) -> None:
        """Raises: UsageError where one is given for a model that classifies images."""
        for option in self.given():
            raise UsageError(
                f"{option} is for tables, for arrays, and for packed networks of tasks other than "
                "image classification; leave it out"
            )


def packed_of_other_task(model: object, for_file: bool) -> "Engine | None":
    """The engine, where the kinds of the outputs decide what is measured; None for other models.

    These are the packed networks of other tasks than image classification, and every packed network
    whose samples come from a table or arrays.

    for_file: whether the samples come from a table or from arrays.
    Raises: UsageError where they do, and the model is not packed.
    """
    from signbit.runtime.engine import Engine

    if not isinstance(model, Engine):
        if for_file:
            raise UsageError("tables and arrays are for packed networks; pack the model first")
        return None
    return model if for_file or not model.model.signature.is_of_images else None


def _split(text: str, names: Sequence[str], commas: bool) -> tuple[str | None, list[str]]:
    name, equals, rest = text.partition("=")
    if not equals or name not in names:
        name, rest = None, text
    return name, [one.strip() for one in rest.split(",")] if commas else [rest]


def chosen_targets(
    engine: "Engine", classes: str | None, folders: Sequence[Path]
) -> list["Target"]:
    """What the outputs are compared with, with the names of the classes.

    The names come from --classes, else from the network. If the network has one output of classes,
    without names, they come from a classes.txt in `folders`.

    Raises: UsageError where the names do not fit.
    """
    from signbit.format.signature import CLASSES
    from signbit.scoring import targets_of

    if classes is not None:
        return targets_of(engine.model, names_given(classes))
    targets = targets_of(engine.model)
    nameless = [one for one in targets if one.kind == CLASSES and not one.named]
    found = names_in_folders(folders) if len(nameless) == 1 else None
    if found is None or sum(one.kind == CLASSES for one in targets) > 1:
        return targets
    say(f"signbit: class names from {found[1]}", err=True)
    return targets_of(engine.model, found[0])


def note_clipped(engine: "Engine", clipped: Mapping[str, int]) -> None:
    """Say on standard error how many numbers were outside the codes of an input."""
    for one in engine.inputs:
        if clipped.get(one.name):
            low, high = one.bias[0], one.scale[0] * 255 + one.bias[0]
            say(
                f"signbit: {clipped[one.name]} numbers for input {one.name!r} are outside the "
                f"range of its codes, {low:g} to {high:g} in channel 0, and count as the nearest "
                "end of that range; if the numbers are codes themselves, give --codes",
                err=True,
            )

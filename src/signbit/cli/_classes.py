"""The names of a model's classes: from --classes, from the model, or from a classes.txt."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signbit.cli._output import say
from signbit.errors import DataError, SignbitError, UsageError

if TYPE_CHECKING:
    from signbit.scoring import Classifier

Classes = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="A,B,...|FILE.txt|D",
        help="Names of the classes, in the order of the scores: a list, a file with one name on "
        "each line, or a data set whose names are used, such as cifar10.  [default: the model's "
        "own names, else those of a classes.txt]",
    ),
]

_LIST_SUFFIX = ".txt"


def choose_classes(
    model: "Classifier", option: str | None, beside: Sequence[Path]
) -> tuple[str, ...] | None:
    """The names of a model's classes in the order of its scores; None where there are no names.

    They come from --classes, else from the model, else from a `classes.txt` in one of the folders
    `beside`. If they are not the model's own, a line on standard error says where they come from.

    Raises: UsageError or DataError where there are more or fewer names than scores, where a name
        is not allowed, or where two classes.txt differ.
    """
    own = tuple(model.preprocessing.classes)
    if option is not None:
        names, source = names_given(option), "--classes"
    elif own:
        return own
    else:
        found = names_in_folders(beside)
        if found is None:
            return None
        names, source = found[0], str(found[1])
    _check(model, names, source)
    if names != own:
        replaced = ", in place of the model's own names" if own else ""
        say(f"signbit: class names from {source}{replaced}", err=True)
    return names


def names_given(option: str) -> tuple[str, ...]:
    """The names that --classes gives. Raises: UsageError, or DataError for a file."""
    from signbit.data._class_names import CLASS_NAMES
    from signbit.data._places import read_names

    if option.endswith(_LIST_SUFFIX):
        return read_names(Path(option))
    if option in CLASS_NAMES:
        return tuple(CLASS_NAMES[option])
    names = tuple(name.strip() for name in option.split(","))
    if len(names) == 1:
        raise UsageError(
            f"--classes {option!r}: give the names with commas between them, a {_LIST_SUFFIX} file "
            f"with one name on each line, or a data set: {', '.join(CLASS_NAMES)}"
        )
    if "" in names:
        raise UsageError(
            f"--classes {option!r}: name {names.index('') + 1} is blank; write the name there"
        )
    return names


def names_in_folders(folders: Sequence[Path]) -> tuple[tuple[str, ...], Path] | None:
    """The names in the folders' classes.txt, and its path; None where no folder has one.

    Raises: DataError where two of these files differ.
    """
    from signbit.data._places import NAMES_FILE, names_in

    found = [(folder, names_in(folder)) for folder in dict.fromkeys(folders)]
    known = [(folder, names) for folder, names in found if names is not None]
    if not known:
        return None
    first, names = known[0]
    for folder, others in known:
        if others != names:
            raise DataError(
                f"the class names in {first / NAMES_FILE} and {folder / NAMES_FILE} differ; choose "
                "one of the files with --classes"
            )
    return names, first / NAMES_FILE


def _check(model: "Classifier", names: tuple[str, ...], source: str) -> None:
    """Raises: UsageError where they cannot be the names of the model's classes."""
    from signbit.scoring import score_count

    count = score_count(model)
    if len(names) != count:
        raise UsageError(
            f"{source} has {len(names)} class names, but the model returns {count} scores; give "
            "one name for each score with --classes"
        )
    try:
        replace(model.preprocessing, classes=names)
    except SignbitError as error:
        raise UsageError(f"{source}: {error}") from error


def require_known_order(model: "Classifier", data: str, classes: Sequence[str]) -> None:
    """For a model without class names: refuse data whose classes may be in another order.

    Raises: UsageError where the data only have class folders, whose order is alphabetical.
    """
    from signbit.data._files import expanded
    from signbit.data._places import NAMES_FILE, names_in
    from signbit.scoring import score_count

    kind, _, path = data.partition(":")
    if kind != "folder" or all(name.isdecimal() for name in classes):
        return
    # `evaluate` refuses another number of classes itself.
    if score_count(model) == len(classes) and names_in(expanded(path)) is None:
        raise UsageError(
            f"the model has no class names, and the alphabetical order of the folders of {data} "
            f"may not be the order of the scores; give --classes, or put a {NAMES_FILE} into the "
            "folder"
        )

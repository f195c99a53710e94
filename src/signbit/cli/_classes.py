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
        help="Names of the classes in the order of the scores: a list, a file with one name a "
        "line, or those of the data set D, such as cifar10.  [default: the model's own, else "
        "those of a classes.txt]",
    ),
]

_LIST_SUFFIX = ".txt"


def choose_classes(
    model: "Classifier", option: str | None, beside: Sequence[Path]
) -> tuple[str, ...] | None:
    """The names of a model's classes in the order of its scores; None where nothing gives any.

    --classes counts first, then the model's own names, then `classes.txt` in a folder of `beside`.
    Where they are not the model's own, a line on standard error says where they come from.

    Raises: UsageError or DataError where the names are not as many as the scores, where a name is
        not allowed, or where two classes.txt differ.
    """
    own = tuple(model.preprocessing.classes)
    if option is not None:
        names, source = _given(option), "--classes"
    elif own:
        return own
    else:
        found = _in_folders(beside)
        if found is None:
            return None
        names, source = found
    _check(model, names, source)
    if names != own:
        replaced = ", in place of the model's own names" if own else ""
        say(f"signbit: class names from {source}{replaced}", err=True)
    return names


def _given(option: str) -> tuple[str, ...]:
    """What --classes says."""
    from signbit.data._class_names import CLASS_NAMES
    from signbit.data._places import read_names

    if option.endswith(_LIST_SUFFIX):
        return read_names(Path(option))
    if option in CLASS_NAMES:
        return tuple(CLASS_NAMES[option])
    names = tuple(name.strip() for name in option.split(","))
    if len(names) == 1:
        raise UsageError(
            f"--classes {option!r}: give the names with commas between them, a file that ends in "
            f"{_LIST_SUFFIX} with one name a line, or a data set: {', '.join(CLASS_NAMES)}"
        )
    if "" in names:
        raise UsageError(f"--classes {option!r}: name {names.index('') + 1} is blank; name it")
    return names


def _in_folders(folders: Sequence[Path]) -> tuple[tuple[str, ...], str] | None:
    """The names in the folders' classes.txt, and that file; None where no folder has one."""
    from signbit.data._places import read_names
    from signbit.data.folder import NAMES_FILE

    files = dict.fromkeys(folder / NAMES_FILE for folder in folders)
    found = [(file, read_names(file)) for file in files if file.is_file()]
    if not found:
        return None
    first, names = found[0]
    for file, others in found:
        if others != names:
            raise DataError(f"class names in {first} and {file} differ; choose with --classes")
    return names, str(first)


def _check(model: "Classifier", names: tuple[str, ...], source: str) -> None:
    """Raises: UsageError where they cannot be the names of the model's classes."""
    from signbit.scoring import score_count

    count = score_count(model)
    if len(names) != count:
        raise UsageError(
            f"{source} has {len(names)} class names, but the model gives {count} scores; give a "
            "name for each score with --classes"
        )
    try:
        replace(model.preprocessing, classes=names)
    except SignbitError as error:
        raise UsageError(f"{source}: {error}") from error


def require_known_order(model: "Classifier", data: str, classes: Sequence[str]) -> None:
    """Refuse data whose order of classes may not be that of the scores of a model without names.

    Raises: UsageError where the order is only the alphabetical order of class folders.
    """
    from signbit.data._files import expanded
    from signbit.data.folder import NAMES_FILE
    from signbit.scoring import score_count

    kind, _, path = data.partition(":")
    if kind != "folder" or all(name.isdecimal() for name in classes):
        return
    # `evaluate` refuses another number of classes itself.
    if score_count(model) == len(classes) and not (expanded(path) / NAMES_FILE).is_file():
        raise UsageError(
            f"the model has no class names, and {data} has only the names of folders, whose order "
            f"need not be that of the scores; give --classes, or {NAMES_FILE} in the folder"
        )


def names_of_numbers(files: Sequence[Path], classes: Sequence[str]) -> tuple[str, ...] | None:
    """The class names that numbers in the names of images stand for.

    They come from the classes.txt in the folder of an image, or in the folder above. None where
    there is no such file, or where one side has numbers for names: then a number means the class
    with that index.
    """
    from signbit.scoring import numbered

    places = dict.fromkeys(path.resolve().parent for path in files)
    found = _in_folders([folder for place in places for folder in (place, place.parent)])
    if found is None or numbered(len(classes)) == tuple(classes):
        return None
    return None if numbered(len(found[0])) == found[0] else found[0]


def folders_of_images(paths: Sequence[Path]) -> list[Path]:
    """Where a classes.txt of images may lie: their folder, and above `train` and `test`."""
    from signbit.data._types import SPLITS

    folders = [path if path.is_dir() else path.parent for path in paths]
    above = [folder.absolute().parent for folder in folders if folder.absolute().name in SPLITS]
    return [*folders, *above]

"""The true classes of image files, from their names, their folders and their classes.txt."""

from collections.abc import Sequence
from pathlib import Path

from signbit.cli._classes import names_in_folders
from signbit.cli._output import say
from signbit.errors import DataError


def folders_of_names(paths: Sequence[Path], files: Sequence[Path]) -> list[Path]:
    """The folders in which a classes.txt for the images is looked for.

    They are the given folders, the folders of the images, and the folders above the images' ones.

    paths: files and folders as the user gave them.
    files: the image files in them.
    """
    given = [path if path.is_dir() else path.parent for path in paths]
    # Many files lie in few folders, and resolving the path of each file would take long.
    inside = [folder.resolve() for folder in dict.fromkeys(path.parent for path in files)]
    both = [place for folder in inside for place in (folder, folder.parent)]
    return [*given, *both]


def names_of_numbers(folders: Sequence[Path], classes: Sequence[str]) -> tuple[str, ...] | None:
    """The class names that numbers in the names of images stand for.

    They come from a classes.txt in `folders`. None if there is no such file, or if the class names
    of that file or of the model are numbers. A number then means the class with that index.
    """
    from signbit.scoring import numbered

    found = names_in_folders(folders)
    if found is None or numbered(len(classes)) == tuple(classes):
        return None
    return None if numbered(len(found[0])) == found[0] else found[0]


def check_labels(
    files: Sequence[Path], classes: Sequence[str], numbered: Sequence[str] | None
) -> None:
    """Refuse labels that contradict each other, and report labels that are no class of the model.

    A line on standard error reports them. Such images count as unlabelled, because a number in a
    name such as `2024_01.jpg` may not be a label.

    numbered: as `names_of_numbers` returns it.
    Raises: DataError where two names of classes, such as `car` and `automobile`, mean the same
        class of the model.
    """
    from signbit.data._files import class_said, label_of, number_of

    names: dict[int, tuple[str, Path]] = {}
    unknown: list[Path] = []
    for path in files:
        label = label_of(path, classes, numbered)
        if label is None:
            unknown += [path] if number_of(path) is not None else []
            continue
        name = class_said(path, classes, numbered) or ""
        other, first = names.setdefault(label, (name, path))
        if other != name:
            raise DataError(
                f"{first} is of class {other!r} and {path} of class {name!r}, but both mean the "
                f"model's class {classes[label]!r}; give both the same name, or predict them "
                "separately"
            )
    if unknown:
        allowed = f"labels go from 0 to {len(classes) - 1}"
        if numbered is not None:
            allowed = (
                "a label is the number of a line in classes.txt, counted from 0, that names a "
                "class of the model"
            )
        say(
            f"signbit: {len(unknown)} images have no true class, because the number at the "
            f"beginning of their names is not a label, such as {unknown[0]}; {allowed}",
            err=True,
        )

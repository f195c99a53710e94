"""Write a data set as image files."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._options import DataDir, Download
from signbit.cli._output import say
from signbit.errors import UsageError

if TYPE_CHECKING:
    from signbit.data import ImageSet


@commands.register("images")
@examples(
    "signbit images digits all-pictures --format png",
    "signbit images digits bitmaps --force",
)
def images(
    data: Annotated[
        str,
        typer.Argument(
            metavar="D",
            help="Data set: digits, cifar10, cifar100, mnist, fashion-mnist, folder:PATH, "
            "tar:PATH or parquet:PATH (docs/data.md).",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write into.")],
    format: Annotated[
        Literal["bmp", "png"],
        typer.Option("--format", help="Format of the files. Both are lossless."),
    ] = "bmp",
    data_dir: DataDir = None,
    download: Download = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace files that differ. Files with other names stay in place."
        ),
    ] = False,
) -> None:
    """Write a data set as image files.

    The files are OUT/train/<label>_<index>.bmp and OUT/test/<label>_<index>.bmp. If the data set is
    a folder:PATH, tar:PATH or parquet:PATH, it may have only one of these splits, and then only
    this split is written. If it has no splits, the files are written into OUT itself. The pixels
    are those of the data set, and the index is the image's place in it. OUT/classes.txt contains
    the class names, so that folder:OUT is the same data set again.

    If a run was stopped, the same command completes it: it skips the files that have the same
    pixels already. If OUT contains other files, nothing is written without --force. OUT must not
    lie in the folder of the data, and that folder must not lie in OUT.
    """
    from signbit.data import load, write_images
    from signbit.data._splits import splits_of

    splits = splits_of(data)
    _check_apart(data, out)
    sets = [
        load(data, split, data_dir=data_dir, download=download) for split in splits or ("train",)
    ]
    written = write_images(sets, out, format, force=force, split_folders=bool(splits))
    total = sum(len(images.labels) for images in sets)
    new = sum(written.values())
    say(
        f"{out}: {total} images ({_counts(sets) if splits else 'without splits'}), "
        f"{new} written, {total - new} there already"
    )


def _counts(sets: "Sequence[ImageSet]") -> str:
    """How many images each split has, and which split is missing."""
    from signbit.data._types import SPLITS

    counts = {images.split: len(images.labels) for images in sets}
    return ", ".join(f"{counts.get(split, 'no')} {split}" for split in SPLITS)


def _check_apart(data: str, out: Path) -> None:
    """Raises: UsageError where OUT lies in the folder of the data, or that folder in OUT."""
    from signbit.data._files import expanded
    from signbit.data._types import OF_PATHS, SPLIT_NAMES

    kind, _, path = data.partition(":")
    if kind not in OF_PATHS or not path:
        return
    root, target = expanded(path), Path(os.path.realpath(out))
    # The folders of the splits may be links to other places.
    for place in (root, *(root / name for names in SPLIT_NAMES.values() for name in names)):
        source = Path(os.path.realpath(place))
        if source.is_relative_to(target) or target.is_relative_to(source):
            raise UsageError(
                f"OUT ({out}) lies in the folder of {data}, or that folder lies in OUT, and their "
                f"files would mix; choose an OUT outside of {data}"
            )

"""Write a data set as image files."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from signbit.cli._app import commands
from signbit.cli._options import DataDir, Download


@commands.register("images")
def images(
    data: Annotated[
        str,
        typer.Argument(
            metavar="D",
            help="Data set: digits, cifar10, cifar100, mnist, fashion-mnist or folder:PATH.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write into.")],
    format: Annotated[
        Literal["bmp", "png"], typer.Option("--format", help="Kind of files, both lossless.")
    ] = "bmp",
    data_dir: DataDir = None,
    download: Download = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace files that differ; leave files of other names in place."
        ),
    ] = False,
) -> None:
    """Write a data set as image files.

    They are OUT/train/<label>_<index>.bmp and OUT/test/<label>_<index>.bmp. Pixels are
    identical to those of the data set, the index is that of the source, and OUT/classes.txt has
    the class names, so that folder:OUT is the same data set again. A run that was broken off is
    completed by the same command: files that are there with the same pixels are skipped. Where
    other files are there, nothing is written without --force.
    """
    from signbit.data import load, write_images

    sets = [load(data, split, data_dir=data_dir, download=download) for split in ("train", "test")]
    written = write_images(sets, out, format, force=force)
    total = sum(len(images.labels) for images in sets)
    counts = ", ".join(f"{len(images.labels)} {images.split}" for images in sets)
    new = sum(written.values())
    typer.echo(f"{out}: {total} images ({counts}), {new} written, {total - new} there already")

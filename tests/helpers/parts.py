"""Small sources of images in every form, for the tests of predicting part by part."""

import io
import tarfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from PIL import Image

from signbit.data import load
from signbit.scoring.parts import Job, PartAnswerer
from signbit.zoo import read

COUNT = 40
BAD = 7
JOB = Job(read("digits_binary"), top=2, batch_size=16)


@cache
def digits() -> np.ndarray:
    """The pixels of COUNT digits."""
    return np.asarray(load("digits", "test").images[:COUNT])


@cache
def pngs() -> Sequence[bytes]:
    """The digits as PNG files; number BAD is none."""
    files = []
    for pixels in digits():
        file = io.BytesIO()
        Image.fromarray(pixels[:, :, 0]).save(file, "png")
        files.append(file.getvalue())
    files[BAD] = b"no image"
    return files


def picture(value: int, size: tuple[int, int] = (4, 3), kind: str = "png") -> bytes:
    """The file of a picture of one grey."""
    held = io.BytesIO()
    Image.new("L", size, value).save(held, kind)
    return held.getvalue()


def write_images(folder: Path) -> Path:
    """Image files by their numbers."""
    for index, content in enumerate(pngs()):
        (folder / f"{index}.png").write_bytes(content)
    return folder


def write_tars(folder: Path) -> Path:
    """Four shards in the layout of WebDataset: an image and a .json of each key."""
    for shard in range(4):
        write_tar(
            folder / f"{shard:05d}.tar",
            [
                member
                for index in range(shard, COUNT, 4)
                for member in ((f"{index:04d}.png", pngs()[index]), (f"{index:04d}.json", b"{}"))
            ],
        )
    return folder


def write_tar(path: Path, members: Sequence[tuple[str, bytes]]) -> None:
    """A tar file with these names and contents."""
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_parquets(folder: Path) -> Path:
    """Two shards with a struct of bytes and path, as Hugging Face writes them; a row is null."""
    for shard in range(2):
        rows = [{"bytes": one, "path": "x.png"} for one in pngs()[shard::2]]
        table = pa.table({"image": [*rows, None], "label": list(range(len(rows) + 1))})
        pyarrow.parquet.write_table(table, folder / f"{shard}.parquet", row_group_size=7)
    return folder


def here(job, run, parts):
    """The runner of one process."""
    return map(PartAnswerer(job, run), parts)


def content_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder of results."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

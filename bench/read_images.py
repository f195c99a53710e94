#!/usr/bin/env python3
"""Images a second that training reads from a folder, tar shards and Parquet shards.

    bench/read_images.py SHARDS [--size 224] [--workers 0 1 2] [--group 100] [--rounds 3]

SHARDS is a folder of tar shards with images and labels (bench/make_jpegs.py makes them). The same
images are also written as files and as Parquet shards, into a temporary folder. An epoch is read in
the order of training, in batches of 256. Each image is decoded, and a random part of it is resized
to SIZE. Each round goes through all cases; the table has medians. The load is printed before each
round.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet
import torch

from signbit.data import ImageSet, blocks_of, load
from signbit.data._image_files import Encoded, ImageFiles
from signbit.train._data import FileBatches
from signbit.train._epoch_data import shuffled
from signbit.train._random_crop import RandomBoxes
from signbit.train.recipe import RandomResizedCrop

BATCH, IMAGES_IN_SHARD = 256, 1000


def encoded(images: ImageSet) -> Iterator[tuple[int, int, Encoded]]:
    """The place, label and file of each image."""
    assert isinstance(images.images, ImageFiles)
    for place, label in enumerate(images.labels.tolist()):
        yield place, label, images.images.source[place]


def write_folder(images: ImageSet, out: Path) -> None:
    """Write files in class folders."""
    for place, label, one in encoded(images):
        path = out / str(label) / f"{place:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.content or b"")


def write_parquet(images: ImageSet, out: Path, group: int) -> None:
    """Write shards as Hugging Face does."""
    out.mkdir()
    rows = [({"bytes": one.content, "path": None}, label) for _, label, one in encoded(images)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for number, start in enumerate(range(0, len(rows), IMAGES_IN_SHARD)):
        contents, labels = zip(*rows[start : start + IMAGES_IN_SHARD], strict=True)
        table = pa.table({"image": pa.array(contents, kind), "label": pa.array(labels, pa.int64())})
        pyarrow.parquet.write_table(table, out / f"{number:05}.parquet", row_group_size=group)


def rates_of(images: ImageSet, workers: int, epoch: int) -> tuple[float, float]:
    """Images per second of one epoch, with the start of the workers, and per second of CPU time.

    Other work on the machine changes the second figure only a little.
    """
    order = shuffled(torch.arange(len(images.labels)), epoch, blocks_of(images.images))
    boxes = RandomBoxes(RandomResizedCrop(), epoch)
    start, worked, seen = time.perf_counter(), sum(os.times()[:4]), 0
    for pixels, _, _ in FileBatches(images, order.split(BATCH), False, boxes, workers):
        seen += len(pixels)
    worked = sum(os.times()[:4]) - worked
    return seen / (time.perf_counter() - start), seen / worked


def main() -> None:
    """Measure all cases in turn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shards", type=Path)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--group", type=int, default=100, help="rows of a row group of Parquet")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    wanted = {"size": (chosen.size, chosen.size), "channels": 3, "in_memory": False}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        tar = load(f"tar:{chosen.shards}", "train", **wanted)
        write_folder(tar, place / "folder")
        write_parquet(tar, place / "parquet", chosen.group)
        sets = {
            "folder": load(f"folder:{place / 'folder'}", "train", **wanted),
            "tar": tar,
            "parquet": load(f"parquet:{place / 'parquet'}", "train", **wanted),
        }
        rates: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for epoch in range(chosen.rounds):
            print(f"round {epoch + 1}, load {os.getloadavg()[0]:.1f}", flush=True)
            for kind, images in sets.items():
                for workers in chosen.workers:
                    found = rates_of(images, workers, epoch)
                    rates.setdefault((kind, workers), []).append(found)
    print(f"{len(tar.labels)} images; images/s, and images per second of CPU time:")
    print("| from | " + " | ".join(f"{one} workers" for one in chosen.workers) + " |")
    for kind in sets:
        cells = [
            ", ".join(f"{median(found):,.0f}" for found in zip(*rates[kind, workers], strict=True))
            for workers in chosen.workers
        ]
        print(f"| {kind} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()

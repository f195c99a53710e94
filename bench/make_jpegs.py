#!/usr/bin/env python3
"""Make tar shards of JPEG pictures of 500x375, the usual size of photographs, from small images.

    bench/make_jpegs.py FOLDER OUT [--shards 20] [--images 200]

FOLDER holds image files, with names such as 3_17.png for label 3. Each becomes larger, gets noise,
and is saved with quality 85, next to its label: the layout of WebDataset.
"""

import argparse
import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from signbit.data import image_files

SIZE, NOISE, QUALITY = (500, 375), 12, 85


def picture(path: Path, generator: np.random.Generator) -> bytes:
    """The bytes of a JPEG."""
    with Image.open(path) as image:
        large = np.asarray(image.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC), np.float32)
    noisy = large + generator.normal(0, NOISE, large.shape)
    held = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(held, "jpeg", quality=QUALITY)
    return held.getvalue()


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a member."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def main() -> None:
    """Write the shards."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--images", type=int, default=200, help="in each shard")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True)
    paths = image_files([arguments.folder])[: arguments.shards * arguments.images]
    generator = np.random.default_rng(0)
    for shard in range(arguments.shards):
        with tarfile.open(arguments.out / f"shard-{shard:03}.tar", "w") as archive:
            for index in range(shard * arguments.images, (shard + 1) * arguments.images):
                label = paths[index].stem.partition("_")[0].encode()
                add(archive, f"{index:06}.jpg", picture(paths[index], generator))
                add(archive, f"{index:06}.cls", label)


if __name__ == "__main__":
    main()

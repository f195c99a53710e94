"""Labelled WAV files as one array of features, for training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.data._files import expanded
from signbit.data._front_end import FrontEnd
from signbit.data._labelled_files import labelled_files
from signbit.data._sounds import SUFFIXES, features_in
from signbit.data._types import SPLITS
from signbit.errors import unknown_name


@dataclass(frozen=True)
class SoundSet:
    """One split of labelled WAV files.

    paths: the N files.
    features: (N, windows, features) float32, channels last.
    labels: (N,) int64, indices into `classes`.
    classes: the names of the classes.
    """

    paths: Sequence[Path]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: Sequence[str]


def load_sounds(folder: Path | str, split: str, front_end: FrontEnd) -> SoundSet:
    """The features of the WAV files in a folder, computed as `signbit evaluate` computes them.

    folder: laid out as for `signbit evaluate --data folder:PATH --front-end ...`.
    split: "train" or "test". If there are no folders of these names, every file belongs to both
        splits.
    front_end: how the features are computed.

    Raises: UsageError for another split; DataError for a folder without WAV files, for a file
        without a label, for a damaged file, and for a file that has more or fewer windows than the
        first file.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    found = labelled_files(expanded(folder), split, "WAV", SUFFIXES)
    paths = [Path(path) for path in found.paths]
    first = features_in(paths[0], front_end)
    features = np.empty((len(paths), *first.shape), np.float32)
    windows, channels = first.shape
    for place, path in enumerate(paths):
        by = f"but {paths[0]} has"
        features[place] = features_in(path, front_end, (windows, channels), by)
    return SoundSet(paths, features, found.labels, found.classes)

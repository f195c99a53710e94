"""WAV files of classes as one array of features, to train on."""

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
    """One split of WAV files.

    features: (N, windows, features) float32, channels last.
    labels: (N,) int64, indices into `classes`.
    """

    paths: Sequence[Path]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: Sequence[str]


def load_sounds(folder: Path | str, split: str, front_end: FrontEnd) -> SoundSet:
    """The features of a folder's WAV files, which are those that `signbit evaluate` computes.

    folder: laid out as for `signbit evaluate --data folder:PATH --front-end ...`.
    split: "train" or "test"; without such folders every file belongs to either split.

    Raises: UsageError for another split; DataError for a folder without such files, for a file
        without a label, for a damaged file, and for one with another number of windows than the
        first.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    found = labelled_files(expanded(folder), split, "WAV", SUFFIXES)
    paths = [Path(path) for path in found.paths]
    first = features_in(paths[0], front_end)
    features = np.empty((len(paths), *first.shape), np.float32)
    windows, channels = first.shape
    for place, path in enumerate(paths):
        by = f"where {paths[0]} has"
        features[place] = features_in(path, front_end, (windows, channels), by)
    return SoundSet(paths, features, found.labels, found.classes)

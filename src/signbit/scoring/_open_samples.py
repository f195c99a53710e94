"""Open samples for a packed network of any task: tables, arrays, folders and data sets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data import Batch, ImageSet, Samples, Selection, Target, load, read_image
from signbit.data._array_files import ArrayFile
from signbit.data._array_samples import ArraySamples
from signbit.data._files import expanded
from signbit.data._front_end import FrontEnd
from signbit.data._labelled_files import labelled_files
from signbit.data._listed_files import ListedFiles, folder_with_table
from signbit.data._masks import MaskSamples, is_masked
from signbit.data._places import NAMES_FILE, names_in
from signbit.data._sounds import SUFFIXES, SoundReader, SoundSamples
from signbit.data._table_samples import TableSamples
from signbit.data._tables import open_table
from signbit.data._types import OF_PATHS
from signbit.errors import UsageError
from signbit.format import Input, PackedModel
from signbit.format.signature import CLASSES, takes_picture
from signbit.scoring._evaluate import labels_in

TABLES = (".csv", ".parquet")
"""The suffixes of files that are tables."""

ARRAYS = (".npy", ".npz")


def is_file_of_samples(path: Path | str) -> bool:
    """Whether a name has the suffix of a table or array file, and is not that of a data set.

    Data sets of files, such as `parquet:PATH`, are not files of samples.
    """
    of_images = str(path).partition(":")[0] in OF_PATHS and ":" in str(path)
    return not of_images and Path(path).suffix.lower() in TABLES + ARRAYS


def targets_of(model: PackedModel, classes: Sequence[str] | None = None) -> list[Target]:
    """The outputs of a network, in the form that measuring and answering need.

    model: the network.
    classes: names for the classes, if the network has one output of classes; None means the names
        in the network.

    Raises: UsageError where the names do not fit.
    """
    found = [Target.of(model, one) for one in model.outputs]
    if classes is None:
        return found
    places = [place for place, one in enumerate(found) if one.kind == CLASSES]
    if len(places) != 1:
        raise UsageError(
            f"class names are for networks with one output of classes, and this network has "
            f"{len(places)}; leave them out"
        )
    target = found[places[0]]
    if len(classes) != len(target.names) or len(set(classes)) != len(classes):
        raise UsageError(
            f"{len(classes)} class names for output {target.name!r}; give {len(target.names)} "
            "different names"
        )
    found[places[0]] = replace(target, names=tuple(classes), named=True)
    return found


def open_file(
    model: PackedModel, path: Path, targets: Sequence[Target], chosen: Selection
) -> Samples:
    """Open the samples in a table or array file.

    model: the network; it decides which inputs are needed.
    path: a .csv, .parquet, .npy or .npz file.
    targets: the outputs, from `targets_of`.
    chosen: the columns or arrays of inputs and outputs.

    Raises: UsageError where columns or arrays do not fit the network; DataError for a damaged file
        and for a missing column or array.
    """
    if path.suffix.lower() in TABLES:
        return TableSamples(open_table(path), model.inputs, targets, chosen)
    return ArraySamples(ArrayFile(path), model.inputs, targets, chosen)


def open_samples(
    model: PackedModel,
    data: str,
    split: str,
    targets: Sequence[Target],
    chosen: Selection,
    front_end: FrontEnd | None = None,
    data_dir: Path | None = None,
    download: bool = False,
) -> Samples:
    """Open the samples that `data` names, in the form that the network accepts, with true answers.

    model: the network.
    data: a .csv, .parquet, .npy or .npz file; `folder:PATH` with a targets.csv, with images and
        masks, or with WAV files or images by class; or a data set of images.
    split: "train" or "test", for a data set or a folder with splits.
    targets: the outputs, from `targets_of`.
    chosen: the columns or arrays of inputs and outputs; `Selection()` where `data` has none.
    front_end: how features are computed from WAV files; None for other data.
    data_dir: the folder with the files of a data set.
    download: whether to fetch missing files of a data set.

    Raises: UsageError where the network does not accept such data; DataError for data that is
        missing, damaged or wrong.
    """
    kind, _, path = data.partition(":")
    is_folder = kind == "folder" and bool(path)
    if front_end is not None and not is_folder:
        raise UsageError(
            f"--data {data}: a front end is for folder:PATH with WAV files; leave --front-end out"
        )
    if is_file_of_samples(data):
        return open_file(model, expanded(data), targets, chosen)
    root = expanded(path)
    listed = folder_with_table(root, split) if is_folder else None
    if listed is not None:
        read, clips = file_reader(model, front_end)
        return ListedFiles(listed, model.inputs[0], read, clips, targets, chosen)
    if chosen != Selection():
        raise UsageError(
            f"--data {data} has no columns; --features, --target, --ignore and --codes are for "
            "tables and arrays, so leave them out"
        )
    if front_end is not None:
        return _sounds(model, data, root, split, targets, front_end)
    _require_picture(model, data)
    maps = [target for target in targets if target.kind == CLASSES and len(target.shape) == 3]
    if is_folder and maps and is_masked(root):
        if model.inputs[0].crop is not None:
            raise UsageError(
                f"the network crops its images (crop {model.inputs[0].crop:g}), and masks are "
                "neither scaled nor cut; give images and masks as arrays in FILE.npz"
            )
        return MaskSamples(root, split, model.inputs[0], maps[0])
    target = _row_of_classes(data, targets)
    height, width, channels = model.inputs[0].shape
    images = load(
        data,
        split,
        data_dir=data_dir,
        download=download,
        size=(height, width),
        channels=channels,
        crop=model.inputs[0].crop,
    )
    if is_folder:
        _require_order(root, target, images.classes)
    return ImageSamples(images, model.inputs[0], target)


def _sounds(
    model: PackedModel,
    data: str,
    root: Path,
    split: str,
    targets: Sequence[Target],
    front_end: FrontEnd,
) -> Samples:
    target = _row_of_classes(data, targets)
    reader = SoundReader(only_sequence(model), front_end)
    found = labelled_files(root, split, "WAV", SUFFIXES)
    _require_order(root, target, found.classes)
    labels = labels_in(target.names, data, found.classes, found.labels)
    return SoundSamples(data, [Path(one) for one in found.paths], labels, reader, target.name)


def _require_picture(model: PackedModel, data: str) -> None:
    if not takes_picture(model.inputs):
        raise UsageError(
            f"--data {data} is for networks whose input is one image, and this network takes "
            f"{', '.join(map(str, model.inputs))}; give FILE.npz, FILE.csv or FILE.parquet, or WAV "
            "files and --front-end"
        )


def file_reader(
    model: PackedModel, front_end: FrontEnd | None
) -> tuple[Callable[[Path], NDArray[Any]], Callable[[], int]]:
    """Two functions: one reads a file as a sample of the only input, one counts clipped numbers.

    The first reads WAV files if there is a front end, else images of any size. The second returns
    how many numbers so far were outside the range of the input's codes.

    model: the network.
    front_end: how features are computed from WAV files; None for images.

    Raises: UsageError where the network does not accept such files.
    """
    if front_end is not None:
        reader = SoundReader(only_sequence(model), front_end)
        return reader, lambda: reader.encoder.clipped
    if not takes_picture(model.inputs):
        raise UsageError(
            f"the network takes {', '.join(map(str, model.inputs))}; give a .csv, .parquet, .npy "
            "or .npz file, or WAV files and --front-end"
        )
    one = model.inputs[0]
    height, width, channels = one.shape

    def read(path: Path) -> NDArray[Any]:
        return read_image(path, (height, width), channels, crop=one.crop)

    return read, lambda: 0


def only_sequence(model: PackedModel) -> Input:
    """The only input of a network, a sequence. Raises: UsageError for any other network."""
    one = model.inputs[0]
    if len(model.inputs) > 1 or len(one.shape) != 2:
        raise UsageError(
            f"the network takes {', '.join(map(str, model.inputs))}, but a front end is for a "
            "network whose input is one sequence of features, (length, features)"
        )
    return one


class ImageSamples:
    """A data set of images with classes, with the interface `Samples`.

    Raises: UsageError or DataError where size or classes do not fit the network.
    """

    def __init__(self, images: ImageSet, one: Input, target: Target):
        self.name, self.targets = images.name, (target.name,)
        self._images, self._input = images, one
        if tuple(images.images.shape[1:]) != tuple(one.shape):
            raise UsageError(
                f"{images.name} has images of shape {images.images.shape[1:]}, but input {one} "
                f"needs {tuple(one.shape)}; write them as files with `signbit images`, and give "
                "folder:PATH, which fits files to the network"
            )
        self._labels = labels_in(target.names, images.name, images.classes, images.labels)

    @property
    def count(self) -> int | None:
        """Number of images."""
        return len(self._labels)

    @property
    def clipped(self) -> Mapping[str, int]:
        """Empty, because pixels are codes."""
        return {}

    def batches(self, size: int) -> Iterator[Batch]:
        """As in `Samples`. The places are numbers from 0."""
        for start in range(0, len(self._labels), size):
            batch = slice(start, min(start + size, len(self._labels)))
            places = list(map(str, range(batch.start, batch.stop)))
            inputs: dict[str, NDArray[np.uint8]] = {self._input.name: self._images.images[batch]}
            yield Batch(places, inputs, {self.targets[0]: self._labels[batch]})


def _row_of_classes(data: str, targets: Sequence[Target]) -> Target:
    found = [one for one in targets if one.kind == CLASSES and not one.is_map]
    if len(found) != 1:
        given = ", ".join(f"{one.name} ({one.kind}, rank {len(one.shape)})" for one in targets)
        raise UsageError(
            f"--data {data} has one class for each file, but the network returns {given}; give "
            "targets in FILE.npz, or for a map of classes folder:PATH with images and masks"
        )
    return found[0]


def _require_order(root: Path, target: Target, classes: Sequence[str]) -> None:
    """Raises: UsageError if the network has no class names, and data only alphabetical folders."""
    if target.named or all(name.isdecimal() for name in classes) or names_in(root) is not None:
        return
    raise UsageError(
        f"output {target.name!r} has no class names, and the alphabetical order of the folders of "
        f"{root} may not be the order of the scores; give --classes, or put a {NAMES_FILE} into "
        "the folder"
    )

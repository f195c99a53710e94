"""WAV files as sequences of features."""

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from signbit.data._front_end import FrontEnd
from signbit.data._samples import Batch
from signbit.data._values import InputEncoder
from signbit.errors import DataError, MissingDependencyError, first_line
from signbit.files import open_regular
from signbit.format import Input

SUFFIXES = (".wav", ".wave")
MAX_SAMPLES = 1 << 26
MAX_CHUNKS = 1000
_SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32")


def read_sound(path: Path, sample_rate: int) -> NDArray[np.float32]:
    """Read the samples of a WAV file. Several channels are averaged.

    The file must hold whole numbers of 8, 16, 24 or 32 bits (PCM).

    path: the file.
    sample_rate: the sample rate that the file must have, in Hz.

    Shape:  (samples,) float32.
    Range:  -1 to 1.
    Raises: DataError for a file that is damaged or ends early, and for another sample rate or kind
        of numbers; MissingDependencyError without soundfile.
    """
    try:
        import soundfile
    except ImportError as error:
        raise MissingDependencyError(
            "WAV files need soundfile: pip install 'signbit[data]'"
        ) from error
    try:
        with open_regular(path) as file:
            _require_whole(path, file)
            with soundfile.SoundFile(file) as sound:
                _check(path, sound, sample_rate)
                samples = sound.read(dtype="float32", always_2d=True)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise DataError(f"{path}: damaged WAV: {first_line(error)}") from error
    return samples.mean(axis=1, dtype=np.float32)


def _require_whole(path: Path, file: BinaryIO) -> None:
    """Raises: DataError where the file is shorter than its header says. libsndfile accepts that."""
    head, size = file.read(12), os.fstat(file.fileno()).st_size
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise DataError(f"{path}: not a WAV file")
    place = 12
    for _ in range(MAX_CHUNKS):
        if place + 8 > size:
            break
        file.seek(place)
        name, length = struct.unpack("<4sI", file.read(8))
        place += 8 + length + length % 2
        if name == b"data":
            if place - length % 2 > size:
                raise DataError(f"{path}: ends early: {size} bytes, but its data needs more")
            file.seek(0)
            return
    raise DataError(f"{path}: ends early: {size} bytes without data")


def _check(path: Path, sound: Any, sample_rate: int) -> None:
    if sound.subtype not in _SUBTYPES:
        raise DataError(
            f"{path}: numbers of type {sound.subtype}; save it as PCM of 8, 16, 24 or 32 bits"
        )
    if sound.samplerate != sample_rate:
        raise DataError(
            f"{path}: {sound.samplerate} Hz, but the front end needs {sample_rate} Hz; resample "
            "the file"
        )
    if not 1 <= sound.frames * sound.channels <= MAX_SAMPLES:
        raise DataError(
            f"{path}: {sound.frames} samples of {sound.channels} channels; 1 to {MAX_SAMPLES} "
            "together are allowed"
        )


def features_in(
    path: Path, front_end: FrontEnd, wanted: tuple[int, int] | None = None, by: str = ""
) -> NDArray[np.float32]:
    """The features of a WAV file.

    wanted: the only shape that is accepted; None accepts any.
    by: what needs this shape, for the message.

    Shape:  (windows, features).
    Raises: the errors of `read_sound`; DataError naming the file, for another shape, and for a file
        that is shorter than one window.
    """
    sound = read_sound(path, front_end.sample_rate)
    # A file that is too long is refused before its features use memory.
    windows = front_end.windows(len(sound))
    if wanted is not None and windows > wanted[0] + 1:
        raise _other_shape(path, (windows, front_end.features), wanted, by)
    try:
        features = front_end(sound)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    if wanted is not None and features.shape != wanted:
        raise _other_shape(path, features.shape, wanted, by)
    return features


def _other_shape(path: Path, shape: Sequence[int], wanted: tuple[int, int], by: str) -> DataError:
    return DataError(
        f"{path}: {shape[0]} windows of {shape[1]} features, {by} {wanted}; set seconds, window, "
        "hop and bins or coefficients of the front end"
    )


class SoundReader:
    """Reads a WAV file as one sample of an input."""

    def __init__(self, one: Input, front_end: FrontEnd):
        self.input, self.front_end = one, front_end
        self.encoder = InputEncoder(one)

    def __call__(self, path: Path) -> NDArray[Any]:
        """One sample, with the shape of the input.

        Raises: DataError naming the file, also where the features have another shape.
        """
        length, features = self.input.shape
        by = f"but input {self.input} needs"
        found = features_in(path, self.front_end, (length, features), by)
        return self.encoder(found[None], lambda index: f"{path}, feature {index[1:]}")[0]


class SoundSamples:
    """Labelled WAV files, with the interface `Samples`.

    labels: the true class of each file, as an index into the output's classes.
    """

    def __init__(
        self,
        name: str,
        paths: Sequence[Path],
        labels: NDArray[np.int64],
        reader: SoundReader,
        output: str,
    ):
        self.name, self._paths, self._labels = name, paths, labels
        self._reader, self._output = reader, output
        self.targets = (output,)

    @property
    def count(self) -> int | None:
        """Number of files."""
        return len(self._paths)

    @property
    def clipped(self) -> Mapping[str, int]:
        """As in `Samples`, for the only input."""
        return {self._reader.input.name: self._reader.encoder.clipped}

    def batches(self, size: int) -> Iterator[Batch]:
        """As in `Samples`. The places are paths."""
        for start in range(0, len(self._paths), size):
            paths = self._paths[start : start + size]
            inputs = {self._reader.input.name: np.stack([self._reader(path) for path in paths])}
            targets = {self._output: self._labels[start : start + size]}
            yield Batch([str(path) for path in paths], inputs, targets)

"""Features of sound, by Kaldi's recipes: MFCC and logarithmic mel energies of short windows."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import DataError, MissingDependencyError, UsageError, unknown_name
from signbit.files import atomic_write

KINDS = ("log_mel", "mfcc")
MAX_BINS = 1024
MAX_RATE = 1_000_000


@dataclass(frozen=True)
class FrontEnd:
    """The settings by which a sound becomes a sequence of features.

    The sound is cut into short windows, and each window becomes one vector of features.

    kind: "log_mel" for the logarithms of the energies in mel bands, or "mfcc" for their cosine
        transform (cepstral coefficients).
    sample_rate: sample rate of the files, in Hz.
    window: length of a window, in ms.
    hop: distance between the beginnings of two windows, in ms. A window that would reach beyond the
        end of the sound is left out.
    bins: number of mel bands.
    coefficients: number of coefficients, for mfcc only.
    low: lower end of the bands, in Hz.
    high: upper end of the bands, in Hz; 0 means half the sample rate.
    window_type: hamming, hanning, povey, rectangular or blackman.
    preemphasis: this share of a sample, 0 to 1, is subtracted from the next sample.
    scale: factor for the samples, which go from -1 to 1. With 32768 they have the range of 16 bits,
        as in Kaldi.
    seconds: each sound is cut to this length, or filled with silence; 0 keeps its own length.
    mean, deviation: a feature x becomes (x - mean) / deviation. Each is one number for every
        feature, or one number for all.

    Raises: UsageError for a value that is not allowed.
    Source: Kaldi's recipes for fbank and MFCC features, without dither.
    """

    kind: str
    sample_rate: int = 16000
    window: float = 25.0
    hop: float = 10.0
    bins: int = 40
    coefficients: int = 13
    low: float = 20.0
    high: float = 0.0
    window_type: str = "povey"
    preemphasis: float = 0.97
    scale: float = 1.0
    seconds: float = 0.0
    mean: float | Sequence[float] | NDArray[Any] = 0.0
    deviation: float | Sequence[float] | NDArray[Any] = 1.0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise unknown_name("front end", self.kind, KINDS)
        if self.window_type not in _WINDOWS:
            raise unknown_name("window_type", self.window_type, _WINDOWS)
        half = self.sample_rate / 2
        top = half if self.high == 0 else self.high
        for field, value, least, most in (
            ("sample_rate", self.sample_rate, 1, MAX_RATE),
            ("window", self.window, 1, 1000),
            ("hop", self.hop, 1, 1000),
            ("bins", self.bins, 4, MAX_BINS),
            ("coefficients", self.coefficients, 1, self.bins if self.kind == "mfcc" else MAX_BINS),
            ("high", top, 1, half),
            ("low", self.low, 0, top - 1),
            ("preemphasis", self.preemphasis, 0, 1),
            ("seconds", self.seconds, 0, 600),
        ):
            if not least <= value <= most:
                raise UsageError(f"front end: {field} is {value}; give {least} to {most}")
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise UsageError(f"front end: scale is {self.scale}; give a number above 0")
        for field in ("mean", "deviation"):
            numbers = np.atleast_1d(np.asarray(getattr(self, field), np.float64))
            if len(numbers) not in (1, self.features) or not np.isfinite(numbers).all():
                raise UsageError(
                    f"front end: {field}: give one finite number, or {self.features} of them"
                )
            if field == "deviation" and (numbers <= 0).any():
                raise UsageError("front end: deviation: give numbers above 0")
            # With plain numbers, front ends can be compared and written to a file.
            plain = tuple(numbers.tolist()) if len(numbers) > 1 else float(numbers[0])
            object.__setattr__(self, field, plain)

    @property
    def features(self) -> int:
        """Number of features of a window."""
        return self.bins if self.kind == "log_mel" else self.coefficients

    @classmethod
    def parse(cls, text: str) -> "FrontEnd":
        """Read a front end from a text, as for the option --front-end.

        text: KIND, KIND:KEY=VALUE,..., or the name of a .yaml or .json file with such keys.

        Raises: UsageError naming the key that is wrong.
        """
        from signbit.yaml_file import parse_yaml, read_yaml

        place = f"front end {text}"
        if text.endswith((".yaml", ".yml", ".json")):
            return cls._of(read_yaml(Path(text), place), place)
        kind, _, rest = text.partition(":")
        values: dict[str, Any] = {"kind": kind}
        for part in filter(None, rest.split(",")):
            key, equals, value = part.partition("=")
            if not equals:
                raise UsageError(f"{place}: {part!r} has no '='; give KEY=VALUE")
            values[key.strip()] = parse_yaml(value, place)
        return cls._of(values, place)

    @classmethod
    def _of(cls, values: Any, place: str) -> "FrontEnd":
        if not isinstance(values, Mapping) or "kind" not in values:
            raise UsageError(f"{place}: the key 'kind' is missing; give it, and other keys")
        for key, value in values.items():
            if key not in cls.__dataclass_fields__:
                raise unknown_name("key of the front end", str(key), cls.__dataclass_fields__)
            _check_type(key, value)
        if values["kind"] == "log_mel" and "coefficients" in values:
            raise UsageError(f"{place}: coefficients are for mfcc; for log_mel give bins")
        return cls(**values)

    def save(self, path: Path | str) -> None:
        """Write the keys to a .json file, which `parse` and `--front-end` read.

        Raises: UsageError for a name that does not end in .json; OutputError where the file cannot
            be written.
        """
        if not str(path).endswith(".json"):
            raise UsageError(f"front end: {path}; give a name that ends in .json")
        values = asdict(self)
        if self.kind == "log_mel":
            del values["coefficients"]
        atomic_write(path, json.dumps(values, indent=1) + "\n")

    def __call__(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """The features of a sound.

        sound: (samples,) float32, from -1 to 1.

        Shape:  (windows, features) float32.
        Raises: DataError for a sound that is shorter than one window; MissingDependencyError
            without kaldi-native-fbank.
        """
        if self.seconds:
            length = round(self.seconds * self.sample_rate)
            sound = np.pad(sound[:length], (0, max(0, length - len(sound))))
        computer = self._computer()
        computer.accept_waveform(self.sample_rate, sound * np.float32(self.scale))
        computer.input_finished()
        count = computer.num_frames_ready
        if count == 0:
            raise DataError(
                f"{len(sound)} samples are shorter than a window of {self.window} ms; set seconds "
                "to fill the sound with silence"
            )
        frames = np.stack([computer.get_frame(index) for index in range(count)])
        return ((frames - np.array(self.mean)) / np.array(self.deviation)).astype(np.float32)

    def windows(self, samples: int) -> int:
        """Number of windows of a sound with this number of samples; rounding may change it by 1."""
        samples = round(self.seconds * self.sample_rate) if self.seconds else samples
        length, step = (self.sample_rate * one / 1000 for one in (self.window, self.hop))
        return max(0, 1 + int((samples - length) / step))

    def _computer(self) -> Any:
        try:
            import kaldi_native_fbank as kaldi
        except ImportError as error:
            raise MissingDependencyError(
                "the front end needs kaldi-native-fbank: pip install 'signbit[data]'"
            ) from error
        mfcc = self.kind == "mfcc"
        options: Any = kaldi.MfccOptions() if mfcc else kaldi.FbankOptions()
        frame, mel = options.frame_opts, options.mel_opts
        frame.samp_freq, frame.dither = self.sample_rate, 0.0
        frame.frame_length_ms, frame.frame_shift_ms = self.window, self.hop
        frame.window_type, frame.preemph_coeff = self.window_type, self.preemphasis
        mel.num_bins, mel.low_freq, mel.high_freq = self.bins, self.low, self.high
        options.use_energy = False
        if mfcc:
            options.num_ceps = self.coefficients
            return kaldi.OnlineMfcc(options)
        return kaldi.OnlineFbank(options)


_WINDOWS = ("blackman", "hamming", "hanning", "povey", "rectangular")
_LISTS = ("mean", "deviation")
_TEXTS = ("kind", "window_type")
_WHOLE = ("sample_rate", "bins", "coefficients")


def _check_type(key: str, value: Any) -> None:
    if key in _TEXTS:
        fits, wanted = isinstance(value, str), "text"
    elif key in _WHOLE:
        fits, wanted = type(value) is int, "a whole number"
    else:
        listed = key in _LISTS and isinstance(value, list)
        fits = all(type(one) in (int, float) for one in (value if listed else [value]))
        wanted = "a number or a list of them" if key in _LISTS else "a number"
    if not fits:
        raise UsageError(f"front end: {key} is {value!r}; give {wanted}")

"""Temperature scaling of a packed network on a data set, for `signbit pack --calibrate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from signbit.cli._output import percent, say, write_json
from signbit.cli._sample_options import SampleOptions
from signbit.errors import UsageError
from signbit.machine import usable_cores

if TYPE_CHECKING:
    from signbit.format import PackedModel

Calibrate = Annotated[
    str | None,
    typer.Option(
        "--calibrate",
        metavar="D",
        help="Divide the scores by the temperature that suits the data D best. A probability of "
        "70 % then means that about 70 % of such answers are right. D is a data set as in `signbit "
        "evaluate`, folder:PATH, tar:PATH, parquet:PATH, FILE.csv, FILE.parquet or FILE.npz.",
    ),
]
Split = Annotated[
    Literal["test", "train"] | None,
    typer.Option("--split", help="Which part of the data set of --calibrate.  [default: test]"),
]


class CalibrationData(NamedTuple):
    """The data set of --calibrate, and the options that go with it."""

    name: str
    split: str
    data_dir: Path | None
    download: bool
    options: SampleOptions


def calibration_data(
    name: str | None,
    split: str | None,
    data_dir: Path | None,
    download: bool,
    options: SampleOptions,
) -> CalibrationData | None:
    """The values of --calibrate and the options for it; None without --calibrate.

    Raises: UsageError where such an option is given without --calibrate.
    """
    given = {"--split": split, "--data-dir": data_dir, "--download": download or None}
    given |= options.given()
    if name is None:
        for option, value in given.items():
            if value is not None:
                raise UsageError(
                    f"{option} is for the data set of --calibrate; give --calibrate as well, or "
                    f"leave {option} out"
                )
        return None
    return CalibrationData(name, split or "test", data_dir, download, options)


def calibrated_on(packed: "PackedModel", data: CalibrationData) -> "PackedModel":
    """The network, calibrated on all samples of the data.

    Raises: the errors of `signbit.scoring.open_samples` and
        `signbit.scoring.temperature.calibrated`.
    """
    from signbit.passes.temperature import output_of_classes
    from signbit.runtime.engine import MAX_THREADS
    from signbit.scoring import open_samples, targets_of
    from signbit.scoring.temperature import calibrated, gathered

    output = output_of_classes(packed).name
    samples = open_samples(
        packed,
        data.name,
        data.split,
        targets_of(packed),
        data.options.selection(packed),
        data.options.chosen_front_end(),
        data_dir=data.data_dir,
        download=data.download,
    )
    threads = min(usable_cores(), MAX_THREADS)
    return calibrated(packed, *gathered(samples, output), threads=threads)


def calibrate_file(path: Path, out: Path, data: CalibrationData | None, json: Path | None) -> None:
    """Calibrate a packed network, and write it to another file.

    Raises: UsageError without a data set; ModelFormatError for a damaged file; the errors of
        `calibrated_on`.
    """
    from signbit.format import PackedModel

    if data is None:
        raise UsageError(f"{path} is packed already; to calibrate its scores, give --calibrate D")
    packed = calibrated_on(PackedModel.load(path), data)
    packed.save(out)
    say(f"{out}: {out.stat().st_size:,} bytes")
    say_calibration(packed.info, data)
    calibration = packed.info["calibration"]
    write_json(json, {"file": str(out), "bytes": out.stat().st_size, "calibration": calibration})


def say_calibration(info: Any, data: CalibrationData) -> None:
    """Print the temperature, and what it changed on the same samples."""
    facts = info["calibration"]
    ece, nll = facts["ece"], facts["nll"]
    say(
        f"calibrated on {facts['images']} samples of {data.name}: temperature "
        f"{facts['temperature']:.3f}; expected calibration error {percent(ece['before'])} before, "
        f"{percent(ece['after'])} after; negative log-likelihood {nll['before']:.4f} before, "
        f"{nll['after']:.4f} after"
    )

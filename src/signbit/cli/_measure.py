"""`signbit evaluate` for packed networks of any task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signbit.cli._output import percent, print_table, say, write_json
from signbit.cli._sample_options import SampleOptions, chosen_targets, note_clipped

if TYPE_CHECKING:
    from signbit.data import Samples, Target
    from signbit.runtime.engine import Engine
    from signbit.scoring import Measurement

_MOST_NAMED = 8


@dataclass(frozen=True)
class SampleData:
    """The values of --data, --split, --data-dir and --download."""

    data: str
    split: str
    data_dir: Path | None
    download: bool

    @property
    def folder(self) -> Path:
        """The folder in which a classes.txt is looked for."""
        kind, _, path = self.data.partition(":")
        return Path(path) if kind in ("folder", "parquet", "tar") else Path(self.data).parent


def samples_of(
    engine: "Engine",
    given: SampleData,
    options: SampleOptions,
    classes: str | None,
    folder: Path,
) -> "tuple[Samples, Sequence[Target]]":
    """The samples of --data, and what the outputs of the network are compared with.

    folder: the folder of the model, which may contain a classes.txt.
    """
    from signbit.scoring import open_samples

    targets = chosen_targets(engine, classes, [folder, given.folder])
    samples = open_samples(
        engine.model,
        given.data,
        given.split,
        targets,
        options.selection(engine),
        options.chosen_front_end(),
        given.data_dir,
        given.download,
    )
    return samples, targets


def measure_samples(
    engine: "Engine",
    source: Path,
    given: SampleData,
    options: SampleOptions,
    classes: str | None,
    batch_size: int,
    json: Path | None,
) -> None:
    """Measure the network, print the figures, and write them as JSON."""
    from signbit.progress import progress_bar
    from signbit.scoring import measure

    samples, targets = samples_of(engine, given, options, classes, source.parent)
    with progress_bar("evaluating", samples.count) as advance:
        found = measure(engine, samples, targets, batch_size, options.threshold, advance)
    note_clipped(engine, found.clipped)
    print_measurement(source, found)
    write_json(json, {"model": str(source), **found.to_dict()})


def print_measurement(source: Path, found: "Measurement") -> None:
    """Print the figures of every output, each with a table."""
    rate = found.samples / max(found.seconds, 1e-9)
    say(f"{source} on {found.data}", f"{found.samples} samples, {rate:.0f} samples/s")
    for name, figures in found.outputs.items():
        _PRINTERS[figures["kind"], figures["rank"] > 1](name, figures)


def _classes(name: str, figures: Mapping[str, Any]) -> None:
    top = min(5, len(figures["classes"]))
    say(
        f"{name} (classes): top-1 {percent(figures['top1'])}, top-{top} "
        f"{percent(figures['top5'])}, calibration error {percent(figures['calibration_error'])}"
    )
    totals = [str(sum(row)) for row in figures["confusion"]]
    shares = map(percent, figures["per_class"].values())
    print_table(
        ["class", "samples", "top-1"], [*zip(figures["classes"], totals, shares, strict=True)]
    )


def _class_map(name: str, figures: Mapping[str, Any]) -> None:
    what = "map" if figures["rank"] == 3 else "sequence"
    place = "pixel" if figures["rank"] == 3 else "position"
    say(
        f"{name} ({what} of classes): {place} accuracy {percent(figures['accuracy'])}, mean IoU "
        f"{percent(figures['mean_iou'])} over {figures['places']} {place}s"
    )
    totals = [str(sum(row)) for row in figures["confusion"]]
    shares = [percent(one) for one in figures["per_class"].values()]
    print_table(
        ["class", f"{place}s", "IoU"], [*zip(figures["classes"], totals, shares, strict=True)]
    )
    absent = [one for one, share in figures["per_class"].items() if share is None]
    if absent:
        shown = ", ".join(absent[:_MOST_NAMED])
        more = f" and {len(absent) - _MOST_NAMED} more" if len(absent) > _MOST_NAMED else ""
        say(f"no {place} has these classes, so the mean leaves them out: {shown}{more}")


def _labels(name: str, figures: Mapping[str, Any]) -> None:
    mean = figures["mean_average_precision"]
    say(
        f"{name} (labels above {figures['threshold']:g}): mean average precision {percent(mean)}, "
        f"micro F1 {percent(figures['micro']['f1'])}, macro F1 {percent(figures['macro']['f1'])}"
    )
    keys = ("precision", "recall", "f1")
    rows = [
        [
            one,
            str(row["positives"]),
            *map(percent, (*(row[k] for k in keys), row["average_precision"])),
        ]
        for one, row in figures["per_label"].items()
    ]
    for which in ("micro", "macro"):
        last = mean if which == "macro" else None
        rows.append([f"({which})", "", *(percent(figures[which][k]) for k in keys), percent(last)])
    print_table(["label", "true", "precision", "recall", "F1", "average precision"], rows)


def _numbers(name: str, figures: Mapping[str, Any]) -> None:
    rows = {**figures["per_quantity"], "(all)": figures}
    say(f"{name} (numbers):")
    print_table(
        ["quantity", "MAE", "RMSE", "R²"],
        [[one, *(_number(row[key]) for key in ("mae", "rmse", "r2"))] for one, row in rows.items()],
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"


_PRINTERS = {
    ("classes", False): _classes,
    ("classes", True): _class_map,
    ("labels", False): _labels,
    ("labels", True): _labels,
    ("numbers", False): _numbers,
    ("numbers", True): _numbers,
}

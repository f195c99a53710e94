"""Make an entry of the zoo from one run, or from several runs that differ only in the seed.

    python tools/make_zoo.py NAME RUN [RUN...]

Packs the first run, evaluates all of them on the test images with the engine, and writes
src/signbit/zoo/networks/NAME.signbit, its card, and the curves of the runs as
docs/pictures/NAME.png.
"""

import argparse
import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from signbit.data import load as load_data
from signbit.errors import UsageError
from signbit.files import atomic_write
from signbit.format import PackedModel
from signbit.format.file import to_bytes
from signbit.models import load_model
from signbit.pack import pack
from signbit.plots.comparison import draw_comparison
from signbit.runtime.engine import Engine
from signbit.scoring import Evaluation, evaluate
from signbit.train import Run, read_metrics
from signbit.train._epoch_data import split
from signbit.train._run import without_folders
from signbit.train._run_files import read_environments, read_run
from signbit.zoo import Card

ROOT = Path(__file__).parents[1]
FOLDER, PICTURES = ROOT / "src/signbit/zoo/networks", ROOT / "docs/pictures"


def main() -> None:
    """Read the runs, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("runs", type=Path, nargs="+")
    options = parser.parse_args()
    runs = [read_run(folder) for folder in options.runs]
    _require_one_recipe(runs, options.name)
    packed = [_packed(run) for run in runs]
    results = [_evaluated(run, model) for run, model in zip(runs, packed, strict=True)]
    data = to_bytes(packed[0])
    card = _card(options.name, runs, results, len(data))
    atomic_write(FOLDER / f"{options.name}.signbit", data)
    atomic_write(FOLDER / f"{options.name}.json", json.dumps(card.to_dict(), indent=1) + "\n")
    curves = {options.name: [read_metrics(run.folder) for run in runs]}
    draw_comparison(curves, PICTURES / f"{options.name}.png")


def _require_one_recipe(runs: Sequence[Run], name: str) -> None:
    first, teacher = runs[0], _teacher(runs[0])
    for run in [first] if teacher is None else [first, teacher]:
        if run.recipe.init is not None:
            raise UsageError(
                f"{run.folder}: starts from another network, but the commands of a card cannot "
                "make one; extend the card first"
            )
    if teacher is not None:
        _require_a_plain_teacher(teacher, first, name)
    for run in runs[1:]:
        same = run.recipe.model_copy(update={"seed": first.recipe.seed})
        if (same, run.model, run.data) != (first.recipe, first.model, first.data):
            raise UsageError(
                f"{run.folder} and {first.folder} differ in more than the seed; give runs with the "
                "same settings"
            )
    if len({run.recipe.seed for run in runs}) < len(runs):
        raise UsageError("two runs have the same seed; give runs with distinct seeds")


def _teacher(run: Run) -> Run | None:
    """The run that this one was distilled from."""
    taught = run.recipe.distillation
    if taught is None:
        return None
    if taught.teacher is None:
        raise UsageError(
            f"{run.folder}: its teacher was a module, which no command can make; train with a "
            "teacher from a run folder"
        )
    folder = Path(taught.teacher)
    if folder.is_file():
        raise UsageError(
            f"{run.folder}: its teacher is the file {folder}; use a teacher from a run folder"
        )
    return read_run(folder)


def _require_a_plain_teacher(teacher: Run, run: Run, name: str) -> None:
    if teacher.folder.name == name:
        raise UsageError(
            f"{teacher.folder}: has the name of the entry, so its files would overwrite those of "
            "the entry; rename it"
        )
    if teacher.recipe.distillation is not None:
        raise UsageError(
            f"{teacher.folder}: this teacher has a teacher, which a card cannot describe; extend "
            "the card first"
        )
    if (teacher.data, teacher.device) != (run.data, run.device):
        raise UsageError(
            f"{teacher.folder} and {run.folder} differ in data or device; train both with the same"
        )


def _packed(run: Run) -> PackedModel:
    trained = load_model(run.folder)
    _require_finished(run, trained.info["metrics"]["epoch"])
    return pack(trained.module, trained.preprocessing, info=trained.info)


def _require_finished(run: Run, epoch: float) -> None:
    if epoch != run.recipe.epochs:
        raise UsageError(
            f"{run.folder}: has only {epoch:.0f} of {run.recipe.epochs} epochs; finish it first"
        )


def _evaluated(run: Run, model: PackedModel) -> Evaluation:
    """Evaluate on the test images, which have labels and at least five classes."""
    return evaluate(Engine(model, threads=1), load_data(run.data, "test", data_dir=run.data_dir))


def _card(name: str, runs: Sequence[Run], results: Sequence[Evaluation], size: int) -> Card:
    run, figures, teacher = runs[0], results[0].figures, _teacher(runs[0])
    top1 = [_known(result.figures.top1) for result in results]
    made_with = _made_with(run.folder)
    images = load_data(run.data, "train", data_dir=run.data_dir)
    trained_on, held_out = map(len, split(len(images.labels), run.recipe.val_size))
    return Card(
        name=name,
        model={"name": run.model, "options": dict(run.recipe.model)},
        recipe=_plain_recipe(run),
        data=run.data,
        held_out=held_out,
        images=figures.images,
        epochs=run.recipe.epochs,
        seed=run.recipe.seed,
        top1=top1[0],
        top5=_known(figures.top5),
        top1_by_seed=dict(zip((str(one.recipe.seed) for one in runs), top1, strict=True)),
        hardware=f"{made_with['device']}, threads: {made_with['threads']}",
        seconds=_seconds(run, trained_on),
        date=_date(run.folder),
        commit=made_with["git"]["commit"],
        licence="Apache-2.0",
        file_bytes=size,
        commands=_commands(run, teacher, name),
        teacher=None if teacher is None else _teacher_card(teacher),
    )


def _teacher_card(teacher: Run) -> dict[str, Any]:
    last = read_metrics(teacher.folder)[-1]
    _require_finished(teacher, last["epoch"])
    return {
        "model": teacher.model,
        "recipe": _plain_recipe(teacher),
        "val_accuracy": last.get("val_accuracy"),
    }


def _plain_recipe(run: Run) -> dict[str, Any]:
    return without_folders(run.recipe).model_dump(mode="json")


def _known(accuracy: float | None) -> float:
    if accuracy is None:
        raise UsageError("the data set has too few images or classes for these accuracies")
    return accuracy


def _made_with(folder: Path) -> dict[str, Any]:
    environments = read_environments(folder)
    if len(environments) != 1:
        raise UsageError(
            f"{folder}: was resumed with other code or on another machine; train it again"
        )
    git = environments[0]["git"]
    if git is None or git["modified"]:
        raise UsageError(f"{folder}: was not trained from a commit; train it in a clean checkout")
    return environments[0]


def _seconds(run: Run, images: int) -> float:
    """The time of training in all epochs, from the table of metrics, which counts full batches."""
    size = run.recipe.batch_size
    seen = max(images // size, 1) * min(size, images)
    return round(sum(seen / row["images_per_second"] for row in read_metrics(run.folder)), 1)


def _date(folder: Path) -> str:
    written = (folder / "metrics.csv").stat().st_mtime
    return datetime.datetime.fromtimestamp(written, datetime.UTC).date().isoformat()


def _commands(run: Run, teacher: Run | None, name: str) -> tuple[str, ...]:
    first = ()
    if teacher is not None:
        place = teacher.folder.name
        first = (
            f"signbit zoo {name} --teacher-recipe {place}.yaml",
            _training(teacher, f"{place}.yaml", place),
        )
    return (
        *first,
        f"signbit zoo {name} --recipe {name}.yaml",
        _training(run, f"{name}.yaml", name),
        f"signbit pack {name} -o {name}.signbit",
    )


def _training(run: Run, recipe: str, out: str) -> str:
    device = "" if run.device == "cpu" else f" --device {run.device}"
    return (
        f"signbit train --recipe {recipe} --model {run.model} --data {run.data}{device} --out {out}"
    )


if __name__ == "__main__":
    main()

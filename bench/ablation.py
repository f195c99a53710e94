"""Train variants of a recipe with several seeds; write a table of mean and spread.

    python bench/ablation.py variants.yaml --out runs/ablation --model vgg_cifar10_binary
        --data cifar10 --data-dir DIR --epochs 20 --seeds 0 1 2 --set model.inflation=0.25

variants.yaml names each variant, and its arguments of `signbit train` that are not common to all:

    plain:     {recipe: quick}
    smoothed:  {recipe: quick, set: [loss.label_smoothing=0.1, loss.logit_scale=2]}
    teacher:   {recipe: teacher}
    taught:    {recipe: quick, set: ["distillation.teacher={out}/teacher-{seed}"]}
    first:     {recipe: stage-1, epochs: 10}
    second:    {recipe: stage-2, epochs: 10, init: "{out}/first-{seed}"}

The epochs of a variant override --epochs. {out} and {seed} stand for --out and the seed. With them,
a variant can continue, or learn from, the runs of a variant above it.

Every run is `signbit train` in its own folder, OUT/VARIANT-SEED. OUT/VARIANT-SEED.json keeps its
arguments and its figures of each epoch. After that, only variants that continue the run need its
folder. A complete run is not repeated, and an interrupted one is resumed. The same 5,000 training
images are held out in every run. The figures are those of the last epoch; none is picked. The test
set is not read. OUT/table.md and OUT/curves.png are written anew after every run. With --table they
are written at once, and nothing is trained.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml

from signbit.files import atomic_write
from signbit.plots.comparison import Rows, draw_comparison
from signbit.train import read_metrics

HELD_OUT = 5000
FIGURES = ("val_accuracy", "val_loss", "accuracy", "loss")
# What a variant may have in addition to `set`.
OPTIONS = ("recipe", "epochs", "init")
# The settings of a run, which are kept next to its figures: `arguments`, and in `after` the
# settings of the runs that it continues.
Asked = dict[str, Any]
# By variant and seed.
Plan = dict[str, dict[int, Asked]]


def main() -> None:
    """Train what is missing and write the table."""
    options = _options()
    plan = _plan(options)
    options.out.mkdir(parents=True, exist_ok=True)
    machine = ["--device", options.device]
    machine += ["--data-dir", options.data_dir] if options.data_dir else []
    # Seed by seed, so an early table already compares all variants.
    for seed in [] if options.table else options.seeds:
        for name, asked in plan.items():
            if train(folder_of(options.out, name, seed), asked[seed], machine, options.redo):
                write_summary(options.out, plan)
    write_summary(options.out, plan)
    print((options.out / "table.md").read_text(encoding="utf-8"), end="")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variants", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--data-dir")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--val-size", type=float, default=HELD_OUT)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--table", action="store_true", help="only show what is done")
    parser.add_argument(
        "--redo", action="store_true", help="train again where a run had other arguments"
    )
    options = parser.parse_args()
    if options.val_size <= 0:
        parser.error("--val-size must be above 0: the figures are those of held-out images")
    return options


def _plan(options: argparse.Namespace) -> Plan:
    common, plan = _common(options), {}
    above: dict[str, Asked] = {}
    for name, variant in read_variants(options.variants).items():
        plan[name] = {
            seed: _asked(common + arguments_of(variant, options.out, seed), above)
            for seed in options.seeds
        }
        for seed, asked in plan[name].items():
            above[folder_of(options.out, name, seed).as_posix()] = asked
    return plan


def _asked(arguments: list[str], above: dict[str, Asked]) -> Asked:
    named = {argument.partition("=")[2] for argument in arguments}
    after = {folder: asked for folder, asked in above.items() if folder in named}
    return {"arguments": arguments} | ({"after": after} if after else {})


def folder_of(out: Path, variant: str, seed: int) -> Path:
    """Where a variant is trained."""
    return out / f"{variant}-{seed}"


def _common(options: argparse.Namespace) -> list[str]:
    command = ["--model", options.model, "--data", options.data]
    command += ["--val-size", str(options.val_size)]
    if options.epochs:
        command += ["--epochs", str(options.epochs)]
    return command + [part for setting in options.set for part in ("--set", setting)]


def read_variants(path: Path) -> dict[str, dict[str, Any]]:
    """The name and settings of each variant. A mistake in the file ends the program with a line."""
    variants = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(variants, dict) or not variants:
        sys.exit(f"{path}: give a mapping of names to settings, such as plain: {{recipe: quick}}")
    for name, variant in variants.items():
        unknown = set(variant or {}) - {*OPTIONS, "set"}
        if unknown:
            known = ", ".join([*OPTIONS, "set"])
            sys.exit(f"{path}: variant {name!r} has {sorted(unknown)}; known: {known}")
    return {str(name): variant or {} for name, variant in variants.items()}


def arguments_of(variant: dict[str, Any], out: Path, seed: int) -> list[str]:
    """A variant as arguments of `signbit train`."""
    arguments = [f"--{key}={variant[key]}" for key in OPTIONS if key in variant]
    arguments += [part for setting in variant.get("set", ()) for part in ("--set", setting)]
    places = {"{out}": out.as_posix(), "{seed}": str(seed)}
    for place, value in places.items():
        arguments = [argument.replace(place, value) for argument in arguments]
    return [*arguments, "--seed", str(seed)]


def train(folder: Path, asked: Asked, machine: list[str], redo: bool) -> bool:
    """Make sure that a complete run with these settings exists; returns whether it was trained now.

    machine: more arguments, which do not change what is measured.
    """
    path = result_of(folder)
    result = _read(path)
    if result and not _is_of(result, asked):
        if not redo:
            sys.exit(
                f"{path}: trained with {_told(result)}, but asked for {_told(asked)}; give another "
                "--out, or --redo"
            )
        result = None
    if result is None:
        if folder.exists() and not redo:
            sys.exit(f"{folder}: is not a run of this ablation; give another --out, or --redo")
        shutil.rmtree(folder, ignore_errors=True)
        result = asked | {"epochs": []}
        _write(path, result)
    if result["epochs"]:
        return False
    begun = (folder / "run.json").exists()
    chosen = ["--resume"] if begun else asked["arguments"]
    print(f"{folder}: {'resumed' if begun else 'started'}", file=sys.stderr)
    signbit = [sys.executable, "-m", "signbit", "train", "--out", str(folder)]
    done = subprocess.run([*signbit, *chosen, *machine])
    if done.returncode:
        sys.exit(done.returncode)
    _write(path, result | {"epochs": _epochs(folder)})
    return True


def result_of(folder: Path) -> Path:
    """The file with the figures of a run."""
    # Not with_suffix, because a name may contain a dot, such as lr-0.1.
    return folder.parent / f"{folder.name}.json"


def _is_of(result: dict[str, Any], asked: Asked) -> bool:
    return {key: value for key, value in result.items() if key != "epochs"} == asked


def _told(asked: Asked) -> str:
    after = "".join(f" after {_told(other)}" for other in asked.get("after", {}).values())
    return " ".join(asked["arguments"]) + after


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _write(path: Path, result: dict[str, Any]) -> None:
    atomic_write(path, json.dumps(result, indent=1) + "\n")


def _epochs(folder: Path) -> list[dict[str, float]]:
    kept = ("epoch", *FIGURES)
    return [{key: row[key] for key in kept if key in row} for row in read_metrics(folder)]


def write_summary(out: Path, plan: Plan) -> None:
    """Write `table.md` and `curves.png` from the runs that are done so far."""
    runs = {name: _finished(out, name, asked) for name, asked in plan.items()}
    draw_comparison(runs, out / "curves.png")
    lines = [
        "| variant | runs | accuracy on held-out images, % | loss | on training images, % |",
        "|---|---|---|---|---|",
    ]
    for name, finished in runs.items():
        last = [epochs[-1] for epochs in finished]
        held_out, loss, training = (
            _spread([row[key] for row in last], factor)
            for key, factor in (("val_accuracy", 100), ("val_loss", 1), ("accuracy", 100))
        )
        lines.append(f"| {name} | {len(last)} | {held_out} | {loss} | {training} |")
    atomic_write(out / "table.md", "\n".join(lines) + "\n")


def _finished(out: Path, name: str, by_seed: dict[int, Asked]) -> list[Rows]:
    finished = []
    for seed, asked in by_seed.items():
        result = _read(result_of(folder_of(out, name, seed)))
        # Runs with other settings do not count: --redo will replace them.
        if result and result["epochs"] and _is_of(result, asked):
            finished.append(result["epochs"])
    return finished


def _spread(values: list[float], factor: float) -> str:
    if not values:
        return "-"
    spread = f" ± {factor * stdev(values):.2f}" if len(values) > 1 else ""
    return f"{factor * mean(values):.2f}{spread}"


if __name__ == "__main__":
    main()

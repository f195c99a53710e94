"""Train variants of a recipe with several seeds; write a table of mean and spread.

    python bench/ablation.py variants.yaml --out runs/ablation --model vgg_cifar10_binary
        --data cifar10 --data-dir DIR --epochs 20 --seeds 0 1 2 --set model.inflation=0.25

variants.yaml names each variant and what it gives to `signbit train` beside the common arguments:

    plain:     {recipe: quick}
    smoothed:  {recipe: quick, set: [loss.label_smoothing=0.1, loss.logit_scale=2]}
    taught:    {recipe: quick, set: [distillation.teacher=runs/teacher]}

Every run is `signbit train` in a folder of its own, OUT/VARIANT-SEED; its arguments and its figures
of each epoch are kept in OUT/VARIANT-SEED.json, for which the folder is no longer needed. What is
done is not done again, what was interrupted is resumed. 5,000 training images are held out, the
same in every run; the figures are those of the last epoch, as it was trained, none is picked. The
test set is not read. OUT/table.md and OUT/curves.png are written anew after every run; with
--table at once, and nothing is trained.
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
# Arguments of each variant by seed.
Plan = dict[str, dict[int, list[str]]]


def main() -> None:
    """Train what is missing and write the table."""
    options = _options()
    plan = _plan(options)
    options.out.mkdir(parents=True, exist_ok=True)
    machine = ["--device", options.device]
    machine += ["--data-dir", options.data_dir] if options.data_dir else []
    # Seed by seed, so that an early table already compares all variants.
    for seed in [] if options.table else options.seeds:
        for name, arguments in plan.items():
            if train(options.out / f"{name}-{seed}", arguments[seed], machine, options.redo):
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
        "--redo", action="store_true", help="train anew what was trained with other arguments"
    )
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> Plan:
    common, variants = _common(options), read_variants(options.variants)
    return {
        name: {seed: [*common, *arguments_of(one), "--seed", str(seed)] for seed in options.seeds}
        for name, one in variants.items()
    }


def _common(options: argparse.Namespace) -> list[str]:
    command = ["--model", options.model, "--data", options.data]
    command += ["--val-size", str(options.val_size)]
    if options.epochs:
        command += ["--epochs", str(options.epochs)]
    return command + [part for setting in options.set for part in ("--set", setting)]


def read_variants(path: Path) -> dict[str, dict[str, Any]]:
    """Name and settings of each variant; exits with a line that says what is wrong."""
    variants = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(variants, dict) or not variants:
        sys.exit(f"{path}: give a mapping of names to settings, such as plain: {{recipe: quick}}")
    for name, variant in variants.items():
        unknown = set(variant or {}) - {"recipe", "init", "set"}
        if unknown:
            sys.exit(f"{path}: variant {name!r} has {sorted(unknown)}; known: recipe, init, set")
    return {str(name): variant or {} for name, variant in variants.items()}


def arguments_of(variant: dict[str, Any]) -> list[str]:
    """A variant as arguments of `signbit train`."""
    arguments = [f"--{key}={variant[key]}" for key in ("recipe", "init") if key in variant]
    return arguments + [part for setting in variant.get("set", ()) for part in ("--set", setting)]


def train(folder: Path, arguments: list[str], machine: list[str], redo: bool) -> bool:
    """Make sure that there is a complete run with these arguments; whether it was trained now.

    machine: more arguments, which do not change what is measured.
    """
    path = result_of(folder)
    result = _read(path)
    if result and result["arguments"] != arguments:
        if not redo:
            sys.exit(
                f"{path}: trained with {' '.join(result['arguments'])}, asked for "
                f"{' '.join(arguments)}; take another --out, or --redo"
            )
        result = None
    if result is None:
        if folder.exists() and not redo:
            sys.exit(f"{folder}: not a run of this ablation; take another --out, or --redo")
        shutil.rmtree(folder, ignore_errors=True)
        result = {"arguments": arguments, "epochs": []}
        _write(path, result)
    if result["epochs"]:
        return False
    # A run without its settings has not begun.
    begun = (folder / "run.json").exists() and (folder / "recipe.yaml").exists()
    if not begun:
        shutil.rmtree(folder, ignore_errors=True)
    chosen = ["--resume"] if begun else arguments
    print(f"{folder}: {'resumed' if begun else 'started'}", file=sys.stderr)
    signbit = [sys.executable, "-m", "signbit", "train", "--out", str(folder)]
    subprocess.run([*signbit, *chosen, *machine], check=True)
    _write(path, result | {"epochs": _epochs(folder)})
    return True


def result_of(folder: Path) -> Path:
    """Where the figures of a run are kept."""
    # Not with_suffix: a name may hold a dot, such as lr-0.1.
    return folder.parent / f"{folder.name}.json"


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _write(path: Path, result: dict[str, Any]) -> None:
    atomic_write(path, json.dumps(result, indent=1) + "\n")


def _epochs(folder: Path) -> list[dict[str, float]]:
    kept = ("epoch", *FIGURES)
    return [{key: row[key] for key in kept if key in row} for row in read_metrics(folder)]


def write_summary(out: Path, plan: Plan) -> None:
    """Write `table.md` and `curves.png` of what is done so far."""
    runs = {name: _finished(out, name, arguments) for name, arguments in plan.items()}
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


def _finished(out: Path, name: str, arguments: dict[int, list[str]]) -> list[Rows]:
    finished = []
    for seed, wanted in arguments.items():
        result = _read(result_of(out / f"{name}-{seed}"))
        # Not those with other settings, which --redo is about to replace.
        if result and result["epochs"] and result["arguments"] == wanted:
            finished.append(result["epochs"])
    return finished


def _spread(values: list[float], factor: float) -> str:
    if not values:
        return "-"
    spread = f" ± {factor * stdev(values):.2f}" if len(values) > 1 else ""
    return f"{factor * mean(values):.2f}{spread}"


if __name__ == "__main__":
    main()

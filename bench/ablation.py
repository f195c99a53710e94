"""Train variants of a recipe with several seeds; write a table of mean and spread.

    python bench/ablation.py variants.yaml --out runs/ablation --model vgg_cifar10_binary
        --data cifar10 --data-dir DIR --epochs 20 --seeds 0 1 2 --set model.inflation=0.25

variants.yaml names each variant and what it gives to `signbit train` beside the common arguments:

    plain:     {recipe: quick}
    smoothed:  {recipe: quick, set: [loss.label_smoothing=0.1, loss.logit_scale=2]}
    taught:    {recipe: quick, set: [distillation.teacher=runs/teacher]}

Every run is `signbit train` in a folder of its own, OUT/VARIANT-SEED. What is done is not done
again, what was interrupted is resumed. 5,000 training images are held out, the same in every run;
the figures are those of the last epoch, as it was trained, none is picked. The test set is not
read. OUT/table.json and OUT/table.md are written anew after every run.
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

HELD_OUT = 5000
FIGURES = ("val_accuracy", "val_loss", "accuracy", "loss")


def main() -> None:
    """Train what is missing and write the table."""
    options = _options()
    variants = read_variants(options.variants)
    common = _common(options)
    # Seed by seed, so that an early table already compares all variants.
    for seed in options.seeds:
        for name, variant in variants.items():
            folder = options.out / f"{name}-{seed}"
            command = [*common, *arguments_of(variant), "--seed", str(seed)]
            train(folder, command, options.redo)
            write_table(options.out, list(variants), options.seeds)
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
    parser.add_argument(
        "--redo", action="store_true", help="train anew what was trained with other arguments"
    )
    return parser.parse_args()


def _common(options: argparse.Namespace) -> list[str]:
    command = ["--model", options.model, "--data", options.data, "--device", options.device]
    command += ["--val-size", str(options.val_size)]
    if options.data_dir:
        command += ["--data-dir", options.data_dir]
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


def train(folder: Path, command: list[str], redo: bool) -> None:
    """Make sure that a run with these arguments is complete in `folder`."""
    # Not with_suffix: a name may hold a dot, such as lr-0.1.
    note, result = (folder.parent / f"{folder.name}{end}" for end in (".args.json", ".json"))
    known = json.loads(note.read_text()) if note.exists() else None
    if known not in (None, command):
        if not redo:
            sys.exit(
                f"{folder}: trained with {' '.join(known)}, asked for {' '.join(command)}; "
                "take another --out, or --redo"
            )
        result.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    if result.exists():
        return
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(command))
    # A run without its settings has not begun.
    begun = (folder / "run.json").exists() and (folder / "recipe.yaml").exists()
    if not begun:
        shutil.rmtree(folder, ignore_errors=True)
    chosen = ["--resume"] if begun else command
    print(f"{folder}: {'resumed' if begun else 'started'}", file=sys.stderr)
    signbit = [sys.executable, "-m", "signbit", "train", "--out", str(folder)]
    subprocess.run([*signbit, *chosen, "--json", str(result)], check=True)


def write_table(out: Path, names: list[str], seeds: list[int]) -> None:
    """Write `table.json` and `table.md` of what is done so far."""
    table = {name: _figures(out, name, seeds) for name in names}
    (out / "table.json").write_text(json.dumps(table, indent=1) + "\n")
    lines = [
        "Images held out of the training set, last epoch: mean and standard deviation over seeds.",
        "",
        "| variant | runs | accuracy, % | loss | training accuracy, % |",
        "|---|---|---|---|---|",
    ]
    for name, figures in table.items():
        held_out = _spread(figures.get("val_accuracy", []), 100)
        loss = _spread(figures.get("val_loss", []), 1)
        training = _spread(figures.get("accuracy", []), 100)
        lines.append(f"| {name} | {len(figures['seeds'])} | {held_out} | {loss} | {training} |")
    (out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _figures(out: Path, name: str, seeds: list[int]) -> dict[str, list[float]]:
    paths = {seed: out / f"{name}-{seed}.json" for seed in seeds}
    done = {seed: json.loads(path.read_text()) for seed, path in paths.items() if path.exists()}
    figures = {key: [row[key] for row in done.values() if key in row] for key in FIGURES}
    return {"seeds": list(done)} | figures


def _spread(values: list[float], factor: float) -> str:
    if not values:
        return "-"
    spread = f" ± {factor * stdev(values):.2f}" if len(values) > 1 else ""
    return f"{factor * mean(values):.2f}{spread}"


if __name__ == "__main__":
    main()

"""Train a network by a recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._import_option import Imports
from signbit.cli._options import DataDir, Device, Download, Json, Zeros, parse_settings
from signbit.cli._output import say, write_json
from signbit.cli._run_imports import import_for
from signbit.errors import UsageError
from signbit.ranks import ranks_here

if TYPE_CHECKING:
    from signbit.train import Recipe


@commands.register("train")
@examples(
    "signbit train --model digits_binary --data digits --recipe digits --out runs/first",
    "signbit train --resume --out runs/first",
)
def train(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Run folder: new, or that of --resume.")
    ],
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="M", help="Architecture, such as vgg_cifar10_binary."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="D",
            help="Data set: digits, cifar10, cifar100, mnist, fashion-mnist, folder:PATH, "
            "tar:PATH or parquet:PATH (docs/data.md).",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="R",
            help="Name of a recipe, such as quick or best, or a .yaml.  [default: quick]",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a field of the recipe, such as model.inflation=0.25 or "
            "optimizer.lr=0.001; may be repeated.",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            "--init",
            metavar="RUN",
            help="Start from the weights of a run folder or checkpoint of the same model. Its "
            "quantizers may differ. An old .pth.tar also sets the preprocessing.",
        ),
    ] = None,
    zeros: Zeros = None,
    epochs: Annotated[int | None, typer.Option(help="Short for --set epochs=N.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Short for --set batch_size=N.")] = None,
    val_size: Annotated[
        float | None,
        typer.Option(help="Training images to hold out: a count, or a fraction below 1."),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, or bfloat16 for autocast.")
    ] = None,
    compile: Annotated[
        bool | None, typer.Option("--compile", help="Run the model through torch.compile.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Short for --set seed=N.")] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --out, with its settings."),
    ] = False,
    device: Device | None = None,
    data_dir: DataDir = None,
    download: Download = False,
    json_file: Json = None,
    imports: Imports = None,
) -> None:
    """Train a network; the run folder holds all results.

    recipe.yaml and run.json are written at the start. metrics.csv, last.safetensors, last.ckpt and
    curves.png are written after every epoch, or after every evaluate_every-th if the recipe has
    that field. best.safetensors is written after each epoch that is the best so far on the images
    held out. tensorboard/ is written all the time.
    Ctrl-C, SIGTERM and SIGHUP stop the run; its last written epoch stays. --resume goes on from
    there. On the CPU, with the same versions and threads, the final weights are the same as those
    of a run that was never stopped.
    The test set is never read.

    The run folder remembers the modules of --import. The commands that read the folder import them
    again, where you imported them from the same place before.
    """
    fixed = {
        "init": init,
        "epochs": epochs,
        "batch_size": batch_size,
        "val_size": val_size,
        "precision": precision,
        "compile": compile,
        "seed": seed,
    }
    short = {key: value for key, value in fixed.items() if value is not None}
    where = str(data_dir) if data_dir else None
    if resume:
        if model or data or recipe or settings or short or zeros or download:
            raise UsageError("--resume takes its settings from the run folder; give none here")
        import_for(out)
        from signbit.train import resume as go_on

        metrics = go_on(out, device, where)
    else:
        if not model or not data:
            missing = " and ".join(
                name for name, value in (("--model", model), ("--data", data)) if not value
            )
            raise UsageError(
                f"{missing} missing; give them, such as --model digits_binary --data digits"
            )
        from signbit.train import Run, load_recipe
        from signbit.train import train as start

        chosen = load_recipe(recipe or "quick", parse_settings(settings or ()) | short)
        modules = (*(imports or ()), *_import_for_starts(chosen))
        run = Run(
            chosen,
            model,
            data,
            out,
            where,
            download,
            device or "cpu",
            zeros=zeros,
            imports=tuple(dict.fromkeys(modules)),
        )
        metrics = start(run)
    if ranks_here().is_first:
        _report(out, metrics, json_file)


def _import_for_starts(recipe: "Recipe") -> list[str]:
    """Import what the runs need that a recipe names: initial weights and the teacher."""
    taught = recipe.distillation
    folders = (recipe.init, None if taught is None else taught.teacher)
    return [
        module
        for one in folders
        if one is not None
        for module in import_for(Path(one).expanduser())
    ]


def _report(out: Path, metrics: dict[str, float], json_file: Path | None) -> None:
    result = {key: value for key, value in metrics.items() if "/" not in key}
    write_json(json_file, {"run": str(out), **result})
    accuracy = metrics.get("val_accuracy")
    held_out = f", validation accuracy {accuracy:.1%}" if accuracy is not None else ""
    say(f"{out}: {metrics['epoch']:.0f} epochs{held_out}")

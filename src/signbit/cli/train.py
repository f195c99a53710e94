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
        Path,
        typer.Option(
            "--out", metavar="DIR", help="The run folder: a new one, or the one to --resume."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="M",
            help="Name of the architecture, such as vgg_cifar10_binary (docs/models.md).",
        ),
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
            help="Name of a recipe, such as quick or best, or a .yaml file.  [default: quick]",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a field of the recipe, such as model.inflation=0.25 or "
            "optimizer.lr=0.001. May be repeated.",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            "--init",
            metavar="RUN",
            help="Start from the weights of a run folder or a checkpoint of the same model. Its "
            "quantizers may differ. An old .pth.tar also decides the preprocessing.",
        ),
    ] = None,
    zeros: Zeros = None,
    epochs: Annotated[int | None, typer.Option(help="Short for --set epochs=N.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Short for --set batch_size=N.")] = None,
    val_size: Annotated[
        float | None,
        typer.Option(
            help="Training images to hold out for validation: a number, or a fraction below 1."
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="float32, bfloat16 to run the forward pass under torch.autocast, or auto for "
            "bfloat16 where the device has it in hardware."
        ),
    ] = None,
    compile: Annotated[
        bool | None, typer.Option("--compile", help="Run the model through torch.compile.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Short for --set seed=N.")] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the run in --out, with the settings of that run."),
    ] = False,
    device: Device | None = None,
    data_dir: DataDir = None,
    download: Download = False,
    json_file: Json = None,
    imports: Imports = None,
) -> None:
    """Train a network, and write all results into a run folder.

    recipe.yaml and run.json are written at the start. metrics.csv, last.safetensors, last.ckpt and
    curves.png are written after every epoch, or after every N-th epoch if the recipe sets
    evaluate_every to N. best.safetensors is written after each epoch that is the best so far on the
    images held out for validation. tensorboard/ is written all the time. The test set is never
    read.

    Ctrl-C, SIGTERM and SIGHUP stop the run. Its last written epoch stays, and --resume continues
    from there. On the CPU, with the same versions and the same number of threads, the final weights
    are the same as those of a run that was never stopped.

    The run folder stores the names of the modules of --import. The commands that read the folder
    import these modules again, if you imported them from the same place before.
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
            raise UsageError(
                "--resume reads its settings from the run folder; leave out the options of a new "
                "run (only --out, --device, --data-dir, --json and --import go with --resume)"
            )
        import_for(out)
        from signbit.train import resume as go_on

        metrics = go_on(out, device, where)
    else:
        if not model or not data:
            missing = " and ".join(
                name for name, value in (("--model", model), ("--data", data)) if not value
            )
            raise UsageError(
                f"a new run needs {missing}, such as --model digits_binary --data digits"
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
    """Import the modules of the runs that a recipe names: its initial weights and its teacher."""
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

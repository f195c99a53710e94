"""Trained networks that come with the package."""

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._options import Json
from signbit.cli._output import (
    percent,
    print_table,
    require_distinct,
    require_suffix,
    say,
    write_json,
)
from signbit.errors import UsageError

if TYPE_CHECKING:
    from signbit.zoo import Card


@commands.register("zoo")
@examples(
    "signbit zoo",
    "signbit zoo digits_binary -o zoo.signbit",
)
def zoo(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of a network, from the list.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE.signbit", help="Write the packed network here."),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            "--recipe", metavar="FILE.yaml", help="Write its recipe here, for `signbit train`."
        ),
    ] = None,
    teacher_recipe: Annotated[
        Path | None,
        typer.Option(
            "--teacher-recipe",
            metavar="FILE.yaml",
            help="Write the recipe of its teacher here, where it was distilled.",
        ),
    ] = None,
    json: Json = None,
) -> None:
    """List the trained networks that come with the package, or write one.

    With NAME alone, the command prints the card of that network: its recipe, seeds, accuracies,
    hardware, and the commands that train it again. --out writes the packed network instead.
    --recipe and --teacher-recipe write recipes for `signbit train`. The accuracies are those after
    the last epoch, on all test images of the data set, without augmentation.
    """
    from signbit import zoo
    from signbit.format.file import SUFFIX

    recipes = {"recipe": recipe, "teacher_recipe": teacher_recipe}
    if name is None:
        if any(path is not None for path in (out, *recipes.values())):
            raise UsageError(
                f"no NAME; give the network to write, one of: {', '.join(zoo.names())}"
            )
        cards = [zoo.card(one) for one in zoo.names()]
        _print_list(cards)
        write_json(json, {"networks": [card.to_dict() for card in cards]})
        return
    card = zoo.card(name)
    require_distinct(out=out, **recipes, json=json)
    # Every option is checked before anything is written.
    texts = {
        path: _recipe_text(card, option, path)
        for option, path in recipes.items()
        if path is not None
    }
    if out is not None:
        require_suffix("--out", out, SUFFIX)
        _write(out, zoo.read(name))
    for path, text in texts.items():
        _write(path, text)
    if out is None and not texts:
        say(*json_format.dumps(card.to_dict(), indent=1).splitlines())
    write_json(json, card.to_dict())


def _write(path: Path, content: str | bytes) -> None:
    from signbit.files import atomic_write

    atomic_write(path, content)
    say(f"wrote {path}", err=True)


def _recipe_text(card: "Card", option: str, path: Path) -> str:
    """The text of a recipe. Raises: UsageError for another suffix, or a missing teacher."""
    require_suffix(f"--{option.replace('_', '-')}", path, ".yaml")
    if option == "recipe":
        recipe = card.recipe
    elif card.teacher is None:
        raise UsageError(
            f"{card.name} was not distilled and has no teacher; leave --teacher-recipe out"
        )
    else:
        recipe = card.teacher["recipe"]
    # JSON is also YAML.
    return json_format.dumps(recipe, indent=1) + "\n"


def _print_list(cards: list["Card"]) -> None:
    rows = [
        (
            card.name,
            card.data,
            percent(card.top1),
            _over_seeds(card),
            f"{card.file_bytes:,}",
        )
        for card in cards
    ]
    header = ("name", "data", "top-1", "mean ± spread (seeds)", "bytes")
    print_table(header, rows, left=2)


def _over_seeds(card: "Card") -> str:
    if card.top1_spread is None:
        return "1 seed"
    spread = 100 * card.top1_spread
    return f"{100 * card.top1_mean:.2f} ± {spread:.2f} % ({len(card.top1_by_seed)})"

"""Accuracies: of the zoo by its cards, and next to published ones from `published.yaml`."""

from pathlib import Path
from typing import Any

import yaml

from signbit import zoo
from tools.tables import code, markdown_table, tables, with_links

_PUBLISHED = Path(__file__).with_name("published.yaml")
_DATA = {"cifar10": "CIFAR-10", "digits": "8x8 digits of the package"}


@tables.register("zoo-accuracy")
def table_of_zoo() -> str:
    """Each network of the zoo, as its card says."""
    cards = map(zoo.card, zoo.names())
    header = ("network", "data", "test images", "accuracy, %", "seeds", "epochs")
    rows = (
        (
            code(card.name),
            _DATA[card.data],
            f"{card.images:,}",
            _percent(card),
            str(len(card.top1_by_seed)),
            str(card.epochs),
        )
        for card in cards
    )
    return markdown_table(header, rows)


@tables.register("published-accuracy")
def table_of_published() -> str:
    """The best published accuracies, with their sources, and ours."""
    rows = yaml.safe_load(_PUBLISHED.read_text("utf-8"))
    header = ("network", "best published, %", "from", "here, %")
    return markdown_table(
        header,
        (
            (
                row["network"],
                str(row.get("best", "")),
                with_links(row.get("from", "")),
                _here(row),
            )
            for row in rows
        ),
    )


def _here(row: dict[str, Any]) -> str:
    if "here" in row:
        return row["here"]
    card = zoo.card(row["zoo"])
    runs = f"{len(card.top1_by_seed)} seeds, {card.epochs} epochs"
    return f"{_percent(card)}, {runs}{row.get('note', '')}"


def _percent(card: zoo.Card) -> str:
    spread = "" if card.top1_spread is None else f" ± {100 * card.top1_spread:.2f}"
    return f"{100 * card.top1_mean:.2f}{spread}"

"""The first table of the README, from what `bench/headline.py` measured."""

import json
from pathlib import Path

from signbit import zoo
from tools.tables import markdown_table, tables

RESULT = Path(__file__).resolve().parents[2] / "bench" / "headline.json"


@tables.register("headline")
def headline() -> str:
    """Time, size and accuracy next to int8 and float32."""
    result = json.loads(RESULT.read_text("utf-8"))
    card = zoo.card(result["network"])
    assert card.teacher is not None
    return markdown_table(
        ("", "signbit, 1 bit", "int8", "float32"),
        [
            ("time of one image", *_row(result["milliseconds"], 1, "ms")),
            ("size", *_row(result["bytes"], 1e-6, "MB")),
            (
                "accuracy",
                f"{100 * card.top1_mean:.2f} ± {100 * (card.top1_spread or 0):.2f} %",
                "not measured",
                f"{100 * card.teacher['val_accuracy']:.2f} % (a ResNet-18, its teacher)",
            ),
        ],
    )


def _row(values: dict[str, float], unit: float, name: str) -> list[str]:
    own = values["signbit"]
    return [
        f"{unit * value:.3g} {name}" + ("" if value == own else f", {value / own:.1f} times")
        for value in values.values()
    ]

"""The first table of the README, from what `bench/headline.py` measured."""

import json
from pathlib import Path
from typing import Any

from signbit import zoo
from tools.tables import markdown_table, tables

RESULT = Path(__file__).resolve().parents[2] / "bench" / "headline.json"


_ENGLISH = {
    "header": ("", "signbit, 1 bit", "int8", "float32"),
    "rows": ("time of one image", "size", "accuracy"),
    "times": (", {:.1f} times as long", ", {:.1f} times as large"),
    "missing": "not measured",
    "teacher": " (a ResNet-18, its teacher)",
}
_CHINESE = {
    "header": ("", "1 位的 signbit", "int8", "float32"),
    "rows": ("一张图像的时间", "大小", "准确率"),
    "times": ("，{:.1f} 倍", "，{:.1f} 倍"),
    "missing": "未测量",
    "teacher": "（教师 ResNet-18）",
}


@tables.register("headline")
def headline() -> str:
    """Time, size and accuracy next to int8 and float32."""
    return _table(_ENGLISH)


@tables.register("headline-zh")
def headline_in_chinese() -> str:
    """The same table in Chinese."""
    return _table(_CHINESE)


def _table(words: dict[str, Any]) -> str:
    result = json.loads(RESULT.read_text("utf-8"))
    card = zoo.card(result["network"])
    assert card.teacher is not None
    time, size, accuracy = words["rows"]
    as_long, as_large = words["times"]
    return markdown_table(
        words["header"],
        [
            (time, *_row(result["milliseconds"], 1, "ms", as_long)),
            (size, *_row(result["bytes"], 1e-6, "MB", as_large)),
            (
                accuracy,
                f"{100 * card.top1_mean:.2f} ± {100 * (card.top1_spread or 0):.2f} %",
                words["missing"],
                f"{100 * card.teacher['val_accuracy']:.2f} %{words['teacher']}",
            ),
        ],
    )


def _row(values: dict[str, float], unit: float, name: str, times: str) -> list[str]:
    own = values["signbit"]
    return [
        f"{unit * value:.3g} {name}" + ("" if value == own else times.format(value / own))
        for value in values.values()
    ]

"""How good the answers are, and which classes are confused."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from signbit.report._html import (
    bar,
    element,
    heading,
    name,
    note,
    paragraph,
    percent,
    scrolling,
    side_by_side,
    table,
)
from signbit.report._section import Section, sections
from signbit.report._subject import Subject

MOST_IN_MATRIX = 20
MOST_ROWS = 20


def _draw(subject: Subject) -> Sequence[Element]:
    observed = subject.observed
    if observed is None:
        return [note("No data was given. --data measures the network on samples.")]
    if not observed.outputs:
        return [note(f"{name(observed.data)} has no true answers to compare with.")]
    several = len(observed.outputs) > 1
    drawn: list[Element] = []
    for output, figures in observed.outputs.items():
        if several:
            drawn.append(heading(f"Output {output}"))
        drawn += _DRAWERS[figures["kind"], figures["rank"] > 1](figures, name(observed.data))
    return drawn


def _classes(figures: Mapping[str, Any], data: str) -> list[Element]:
    classes = figures["classes"]
    top = min(5, len(classes))
    more = f" Top-{top} accuracy is {percent(figures['top5'])}." if top < len(classes) else ""
    said = paragraph(
        f"{percent(figures['top1'])} of {figures['samples']:,} samples of {data} are right.{more} "
        f"The expected calibration error is {percent(figures['calibration_error'])}. This is the "
        "mean difference between the network's probabilities and its accuracy."
    )
    return [said, *_by_class(figures, "samples", "accuracy")]


def _class_map(figures: Mapping[str, Any], data: str) -> list[Element]:
    place = "pixel" if figures["rank"] == 3 else "position"
    said = paragraph(
        f"{percent(figures['accuracy'])} of {figures['places']:,} {place}s of {data} are right. "
        f"The mean IoU (intersection over union) of the classes is {percent(figures['mean_iou'])}."
    )
    return [said, *_by_class(figures, f"{place}s", "IoU")]


def _by_class(figures: Mapping[str, Any], things: str, figure: str) -> list[Element]:
    """The figure of each class, and the classes that are confused."""
    counts, classes = np.array(figures["confusion"]), figures["classes"]
    matrix = [_matrix(counts, classes)] if len(classes) <= MOST_IN_MATRIX else []
    pairs = [_pairs(counts, classes)] if counts.sum() > np.trace(counts) else []
    return [*matrix, side_by_side(_per_class(figures, things, figure), *pairs)]


def _matrix(counts: np.ndarray, classes: Sequence[str]) -> Element:
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = counts / totals
    caption = "Confusion matrix: a row for each true class, a column for each predicted class."
    head = element(
        "tr",
        element("th", "true \\ predicted", scope="col", class_="text"),
        *(element("th", name(one), scope="col", class_="number") for one in classes),
    )
    rows = []
    for row, one in enumerate(classes):
        cells = [
            _count(counts[row, column], shares[row, column], row == column)
            for column in range(len(classes))
        ]
        rows.append(element("tr", element("th", name(one), scope="row", class_="text"), *cells))
    made = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *rows),
        class_="confusion",
    )
    return scrolling(made, caption)


def _count(count: int, share: float, right: bool) -> Element:
    kind = "right" if right else "wrong"
    # A single mistake must be visible, so its cell is never as pale as an empty one.
    alpha = 0.0 if not count else 0.15 + 0.6 * (share if right else min(1.0, 5 * share))
    return element(
        "td", str(count) if count else "·", class_=f"number {kind}", style=f"--a:{alpha:.2f}"
    )


def _pairs(counts: np.ndarray, classes: Sequence[str]) -> Element:
    """The pairs of classes that are confused most often."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:10]
    places = [divmod(int(one), len(classes)) for one in order if wrong.flat[one]]
    rows = [
        (
            name(classes[true]),
            name(classes[given]),
            f"{wrong[true, given]:,}",
            percent(wrong[true, given] / counts[true].sum()),
        )
        for true, given in places
    ]
    header = ("true class", "predicted class", "how often", "of the true class")
    return table("The most frequent mistakes.", header, rows, left=2)


def _per_class(figures: Mapping[str, Any], things: str, figure: str) -> Element:
    counts = np.array(figures["confusion"]).sum(axis=1)
    rows = [
        (one, share, int(count))
        for (one, share), count in zip(figures["per_class"].items(), counts, strict=True)
    ]
    caption = f"{figure[:1].upper()}{figure[1:]} of each class."
    if len(rows) > MOST_ROWS:
        rows = sorted((row for row in rows if row[1] is not None), key=lambda row: row[1])
        rows = rows[:MOST_ROWS]
        caption = f"The {len(rows)} classes with the lowest {figure}."
    return table(
        caption,
        ("class", things, figure),
        [
            (name(one), f"{count:,}", bar(share or 0.0, percent(share)))
            for one, share, count in rows
        ],
    )


def _labels(figures: Mapping[str, Any], data: str) -> list[Element]:
    said = paragraph(
        f"The mean average precision over the labels is "
        f"{percent(figures['mean_average_precision'])}, on {figures['samples']:,} samples of "
        f"{data}. The network answers a label with yes if its probability is above "
        f"{figures['threshold']:g}."
    )
    rows = [
        (name(one), f"{row['positives']:,}", *(percent(row[key]) for key in _LABEL_KEYS))
        for one, row in list(figures["per_label"].items())[: 10 * MOST_ROWS]
    ]
    return [said, table("Figures of each label.", _LABEL_HEADER, rows)]


_LABEL_KEYS = ("precision", "recall", "f1", "average_precision")
_LABEL_HEADER = ("label", "true", "precision", "recall", "F1", "average precision")


def _numbers(figures: Mapping[str, Any], data: str) -> list[Element]:
    said = paragraph(
        f"The mean absolute error (MAE) is {figures['mae']:.5g}, on {figures['samples']:,} samples "
        f"of {data}. RMSE is the root of the mean squared error. R² is 1 for numbers without an "
        "error, and 0 for a network that always returns the mean."
    )
    rows = [
        (name(one), *("-" if row[key] is None else f"{row[key]:.5g}" for key in _ERRORS))
        for one, row in list(figures["per_quantity"].items())[: 10 * MOST_ROWS]
    ]
    return [said, table("Errors of each quantity.", ("quantity", "MAE", "RMSE", "R²"), rows)]


_ERRORS = ("mae", "rmse", "r2")
_DRAWERS = {
    ("classes", False): _classes,
    ("classes", True): _class_map,
    ("labels", False): _labels,
    ("labels", True): _labels,
    ("numbers", False): _numbers,
    ("numbers", True): _numbers,
}

sections.register("accuracy")(
    Section(
        10,
        "Accuracy and confusion",
        "This compares the answers of the packed network with the true answers.",
        _draw,
    )
)

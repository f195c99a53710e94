"""Lines over the epochs as SVG, in the colours of the page."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from signbit.report._html import element

_WIDTH, _HEIGHT = 380, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 12, 36
_MOST_POINTS = 400
_MOST_DECADES = 6
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
Points = Sequence[tuple[float, float]]


class Line(NamedTuple):
    """Points (x, y), a label for the legend ("" for no entry) and a class of the style sheet."""

    label: str
    style: str
    points: Points


def chart(title: str, lines: Sequence[Line], unit: str = "", log: bool = False) -> Element | None:
    """A figure with lines and their legend; None where no line has a point.

    Points that are not finite are left out. On a logarithmic axis, points at 0 or below are left
    out too.
    """
    drawn = [line._replace(points=_drawable(line.points, log)) for line in lines]
    drawn = [line for line in drawn if line.points]
    if not drawn:
        return None
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    ticks = _decades(min(ys), max(ys)) if log else _ticks(min(ys), max(ys))
    x_at = _scale(min(xs), max(xs), _LEFT, _WIDTH - _RIGHT)
    y_at = _scale(ticks[0], ticks[-1], _HEIGHT - _BOTTOM, _TOP, log)
    parts = [element("title", title)]
    for tick in ticks:
        y = f"{y_at(tick):.1f}"
        parts.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(_text(_LEFT - 6, y_at(tick) + 4, f"{tick:g}", "end"))
    for tick in sorted({min(xs), _middle(xs), max(xs)}):
        parts.append(_text(x_at(tick), _HEIGHT - _BOTTOM + 16, f"{tick:g}", "middle"))
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4, "epoch", "middle"))
    parts += [_path(line, x_at, y_at, ticks[0]) for line in drawn]
    picture = element(
        "svg", *parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=title
    )
    caption = element("figcaption", f"{title}{f', {unit}' if unit else ''}")
    return element("figure", caption, picture, *_legend(drawn), class_="chart")


def _drawable(points: Points, log: bool) -> list[tuple[float, float]]:
    kept = [
        (x, y)
        for x, y in points
        if math.isfinite(x) and math.isfinite(y) and abs(y) < 1e30 and (y > 0 or not log)
    ]
    stride = -(-len(kept) // _MOST_POINTS)
    return [*kept[:: max(stride, 1)][:-1], kept[-1]] if kept else []


def _middle(xs: Sequence[float]) -> float:
    return float(round((min(xs) + max(xs)) / 2))


def _ticks(low: float, high: float) -> list[float]:
    """Three to about seven round numbers that cover a range."""
    span = high - low or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 5))
    step = next(power * one for one in _STEPS if power * one * 5 >= span * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(one * step, 12) for one in range(first, max(last, first + 1) + 1)]


def _decades(low: float, high: float) -> list[float]:
    last = math.ceil(math.log10(high))
    first = max(min(math.floor(math.log10(low)), last - 1), last - _MOST_DECADES)
    return [10.0**one for one in range(first, last + 1)]


def _scale(
    low: float, high: float, start: float, end: float, log: bool = False
) -> Callable[[float], float]:
    if log:
        low, high = math.log10(low), math.log10(high)
    span = high - low or 1.0

    def place(value: float) -> float:
        share = ((math.log10(value) if log else value) - low) / span
        return start + min(max(share, 0.0), 1.0) * (end - start)

    return place


def _path(
    line: Line, x_at: Callable[[float], float], y_at: Callable[[float], float], low: float
) -> Element:
    places = [(x_at(x), y_at(max(y, low))) for x, y in line.points]
    if len(places) == 1:
        x, y = places[0]
        return element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="3", class_=f"dot {line.style}")
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return element("polyline", points=way, class_=f"line {line.style}")


def _text(x: float, y: float, text: str, anchor: str) -> Element:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def _legend(lines: Sequence[Line]) -> list[Element]:
    named = [line for line in lines if line.label]
    if len(named) < 2:
        return []
    keys = [
        element("li", element("span", class_=f"key {one.style}", aria_hidden="true"), one.label)
        for one in named
    ]
    return [element("ul", *keys, class_="legend")]

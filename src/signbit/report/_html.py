"""Elements of HTML and SVG. The standard library escapes every text and attribute in them."""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, tostring

from signbit.errors import printable

Child = Element | str
# A name in a file may be very long.
LONGEST_TEXT = 80


def element(tag: str, *children: Child, **attributes: object) -> Element:
    """An element. In attribute names `_` becomes `-`; a `_` at the end is dropped (`class_`)."""
    names = {name: name.rstrip("_").replace("_", "-") for name in attributes}
    made = Element(tag, {names[name]: str(value) for name, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif last is None:
            made.text = (made.text or "") + child
        else:
            last.tail = (last.tail or "") + child
    return made


def to_html(root: Element) -> str:
    """A whole document as text."""
    return "<!DOCTYPE html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def name(text: str) -> str:
    """A text from a file: on one line, without control characters, and not too long."""
    shown = printable(text)
    return shown if len(shown) <= LONGEST_TEXT else f"{shown[: LONGEST_TEXT - 1]}…"


def paragraph(*children: Child) -> Element:
    """A paragraph."""
    return element("p", *children)


def note(text: str) -> Element:
    """The line that says why something is not shown."""
    return element("p", text, class_="note")


def heading(text: str) -> Element:
    """The heading of a part of a section."""
    return element("h3", text)


def bar(share: float, text: str) -> Element:
    """A text for a cell of a table, after a bar whose length is a share from 0 to 1."""
    width = 100 * min(max(share, 0.0), 1.0)
    fill = element("span", style=f"width:{width:.1f}%")
    drawn = element("span", fill, class_="bar", aria_hidden="true")
    return element("span", drawn, element("span", text), class_="barred")


def side_by_side(*children: Child) -> Element:
    """Parts next to each other. If the page is too narrow, they are below each other."""
    return element("div", *children, class_="side")


def table(
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Child]],
    left: int = 1,
    class_: str = "",
) -> Element:
    """A table that scrolls sideways if the page is narrow.

    left: number of columns of text, from the first. The others are numbers, aligned right.
    """
    sides = ["text" if index < left else "number" for index in range(len(header))]
    head = element(
        "tr", *(_cell("th", *one, scope="col") for one in zip(header, sides, strict=True))
    )
    body = [
        element("tr", *(_cell("td", *one) for one in zip(row, sides, strict=True))) for row in rows
    ]
    made = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_=class_,
    )
    return scrolling(made, caption)


def scrolling(child: Element, label: str) -> Element:
    """A frame that scrolls sideways, also by keyboard."""
    return element("div", child, class_="scroll", tabindex="0", role="region", aria_label=label)


def _cell(tag: str, content: Child, side: str, **attributes: object) -> Element:
    if isinstance(content, Element) and content.tag == tag:
        return content
    return element(tag, content, class_=side, **attributes)


def percent(share: float | None) -> str:
    """A share from 0 to 1; a dash where there is none."""
    return "-" if share is None else f"{100 * share:.2f} %"


def duration(seconds: float) -> str:
    """A time with three digits and its unit."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1:
            return f"{seconds * factor:#.3g}".rstrip(".") + f" {unit}"
    return f"{seconds * 1e6:.2f} µs"

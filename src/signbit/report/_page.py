"""Put the sections together on one page."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any
from xml.etree.ElementTree import Element

from signbit.errors import printable
from signbit.format.signature import takes_picture
from signbit.report._html import duration, element, name, paragraph, percent, to_html
from signbit.report._section import Section, sections
from signbit.report._subject import Subject

# The browser loads no other file and runs no script, even if a name in a file contains HTML.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render(subject: Subject) -> str:
    """The page as HTML text, which contains its pictures and its style.

    The page loads no other file, and contains no script.
    """
    title = f"signbit report: {name(subject.name)}"
    chosen = [(one, sections.get(one)) for one in sections.names()]
    chosen.sort(key=lambda one: (one[1].place, one[0]))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", (files("signbit.report") / "style.css").read_text("utf-8")),
    )
    links = [element("li", element("a", one.title, href=f"#{key}")) for key, one in chosen]
    body = element(
        "body",
        element(
            "header",
            element("p", "signbit report", class_="kicker"),
            element("h1", name(subject.name)),
            element("dl", *_tiles(subject), class_="tiles"),
            element("nav", element("ul", *links), aria_label="Sections"),
        ),
        element("main", *(_drawn(key, one, subject) for key, one in chosen)),
        element("footer", *_foot(subject)),
    )
    return to_html(element("html", head, body, lang="en"))


def _drawn(key: str, section: Section, subject: Subject) -> Element:
    return element(
        "section",
        element("h2", section.title, id=f"{key}-title"),
        element("p", section.lead, class_="lead"),
        *section.draw(subject),
        id=key,
        aria_labelledby=f"{key}-title",
    )


def _tiles(subject: Subject) -> Iterator[Element]:
    for what, value in _headlines(subject):
        yield element("div", element("dt", what), element("dd", value))


def _headlines(subject: Subject) -> Iterator[tuple[str, str]]:
    if subject.observed is not None:
        outputs = subject.observed.outputs
        for output, figures in outputs.items():
            what, value = _headline(figures)
            yield f"{output}: {what}" if len(outputs) > 1 else what, value
    thing = "image" if takes_picture(subject.model.inputs) else "sample"
    yield f"time of one {thing}", duration(subject.benchmark.seconds[1])
    yield "packed file", f"{subject.file_bytes:,} bytes"
    weights = {number: subject.weights(number) for number, _ in subject.model.numbered()}
    binary = sum(count for number, count in weights.items() if subject.has_bits(number))
    total = sum(weights.values())
    yield "weights of one bit", f"{binary:,} of {total:,}"


_FIGURES = {
    ("classes", False): ("accuracy", "top1"),
    ("classes", True): ("mean IoU", "mean_iou"),
    ("labels", False): ("mean average precision", "mean_average_precision"),
    ("labels", True): ("mean average precision", "mean_average_precision"),
    ("numbers", False): ("mean absolute error", "mae"),
    ("numbers", True): ("mean absolute error", "mae"),
}


def _headline(figures: Mapping[str, Any]) -> tuple[str, str]:
    """The most important figure of an output."""
    what, key = _FIGURES[figures["kind"], figures["rank"] > 1]
    value = figures[key]
    return what, f"{value:.4g}" if key == "mae" else percent(value)


def _foot(subject: Subject) -> Iterator[Element]:
    made = subject.benchmark
    facts = {
        "processor": made.processor,
        "threads": str(made.threads),
        "instruction set": made.isa,
        **(subject.facts or {}),
    }
    rows = [part for key, value in facts.items() for part in _fact(key, value)]
    yield element("h2", "How this page was made")
    yield paragraph(
        "Everything was measured on this machine while the page was made. Times are medians of "
        f"{made.rounds} rounds. They depend on what else the machine does at the same time."
    )
    yield element("dl", *rows, class_="facts")


def _fact(key: str, value: str) -> tuple[Element, Element]:
    # A long command is shown as a whole.
    return element("dt", key), element("dd", printable(value))

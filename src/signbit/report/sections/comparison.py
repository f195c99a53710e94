"""Size and time, compared with networks of the same shapes in float32 and int8."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from signbit.format.signature import takes_picture
from signbit.report._html import Child, bar, duration, name, note, paragraph, side_by_side, table
from signbit.report._section import Section, sections
from signbit.report._subject import Subject


def _draw(subject: Subject) -> Sequence[Element]:
    times, *notes = _times(subject)
    return [side_by_side(_sizes(subject), times), *notes]


def _sizes(subject: Subject) -> Element:
    numbers = [number for number, _ in subject.model.numbered() if subject.weights(number)]
    total = sum(map(subject.weights, numbers))
    packed = sum(subject.model.node(number).tensors["weight"].nbytes for number in numbers)
    rows = [("this network, packed", packed), ("int8", total), ("float32", 4 * total)]
    most = max(size for _, size in rows) or 1
    return table(
        f"Size of the {total:,} weights of convolutions and linear layers: measured for this "
        "network, computed for the others as 1 and 4 bytes for each weight.",
        ("weights as", "bytes", "compared"),
        [(what, f"{size:,}", _compared(size, most, packed)) for what, size in rows],
    )


def _compared(value: float, most: float, own: float) -> Element:
    return bar(value / most, f"{value / own:.1f}x" if own else "-")


def _times(subject: Subject) -> list[Element]:
    made = subject.benchmark
    own = made.seconds[1]
    rows = [("this network, signbit", own), *((k, v[1]) for k, v in made.peers.items())]
    most = max(seconds for _, seconds in rows)
    thing = "image" if takes_picture(subject.model.inputs) else "sample"
    threads = f"{made.threads} thread{'s' if made.threads > 1 else ''}"
    cells: list[Sequence[Child]] = [
        (what, duration(seconds), _compared(seconds, most, own)) for what, seconds in rows
    ]
    drawn = [
        table(f"Time of one {thing} at a time, {threads}.", ("runtime", "time", "compared"), cells)
    ]
    if made.peers:
        drawn.append(
            paragraph(
                "The other runtimes run layers of the same shapes with random weights. They show "
                "how long such a network takes, and not how accurate it is."
            )
        )
    return [*drawn, *(note(f"{k} was not measured: {name(v)}.") for k, v in made.missing.items())]


sections.register("comparison")(
    Section(
        30,
        "Compared with float32 and int8",
        "This compares the size of the weights, and the time for one sample, with those of an "
        "ordinary network of the same shapes.",
        _draw,
    )
)

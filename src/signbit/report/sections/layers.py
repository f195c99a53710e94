"""The weights and the time of each step of the network."""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from signbit.report._html import Child, bar, duration, element, name, note, table
from signbit.report._section import Section, sections
from signbit.report._subject import Subject

MOST_ROWS = 400
_HEADER = ("node", "operation", "output", "weights", "bits each", "bytes", "multiply-adds")
_TIMES = ("time", "share of time")


def _draw(subject: Subject) -> Sequence[Element]:
    rows, header = list(_rows(subject)), [*_HEADER, *_TIMES]
    named = any(number in subject.modules for number, _ in subject.model.numbered())
    if named:
        header.insert(2, "module")
        for row, (number, _) in zip(rows, subject.model.numbered(), strict=True):
            row.insert(2, element("code", name(subject.modules.get(number, ""))))
    drawn = [
        table(
            "Nodes of the packed network, in the order in which they are computed. A node without "
            "a time is computed together with another node.",
            header,
            rows[:MOST_ROWS],
            left=4 if named else 3,
        )
    ]
    if len(rows) > MOST_ROWS:
        drawn.append(note(f"The first {MOST_ROWS} of {len(rows)} nodes are shown."))
    return drawn


def _rows(subject: Subject) -> Iterator[list[Child]]:
    steps = {step.node: step for step in subject.benchmark.steps}
    for number, node in subject.model.numbered():
        weights, step = subject.weights(number), steps.get(number)
        size = sum(tensor.nbytes for tensor in node.tensors.values())
        yield [
            str(number),
            node.op,
            str(subject.model.types[number]),
            f"{weights:,}" if weights else "",
            ("1" if subject.has_bits(number) else "32") if weights else "",
            f"{size:,}" if size else "",
            f"{step.macs:,}" if step and step.macs else "",
            duration(step.seconds) if step else "",
            bar(step.share, f"{step.share:.0%}") if step else "",
        ]


sections.register("layers")(
    Section(
        40,
        "Layers, their bits and their time",
        "Each row is one operation of the packed network, with the weights that it holds and the "
        "time that it takes for one sample.",
        _draw,
    )
)

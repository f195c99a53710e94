"""What each step of the network holds and takes."""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from signbit.report._html import Child, bar, duration, element, name, note, table
from signbit.report._section import Section, sections
from signbit.report._subject import Subject

MOST_ROWS = 400
_HEADER = ("node", "operation", "module", "gives", "weights", "bits each", "bytes")
_TIMES = ("multiply-adds", "time", "share of time")


def _draw(subject: Subject) -> Sequence[Element]:
    count = len(subject.model.nodes)
    rows = list(_rows(subject))
    drawn = [
        table(
            "Nodes of the packed network, in the order in which they are computed. A node without "
            "a time is computed in the step of another node.",
            (*_HEADER, *_TIMES),
            rows[:MOST_ROWS],
            left=4,
        )
    ]
    if count > MOST_ROWS:
        drawn.append(note(f"The first {MOST_ROWS} of {count} nodes are shown."))
    return drawn


def _rows(subject: Subject) -> Iterator[Sequence[Child]]:
    steps = {step.node: step for step in subject.benchmark.steps}
    for number, node in subject.model.numbered():
        weights, step = subject.weights(number), steps.get(number)
        size = sum(tensor.nbytes for tensor in node.tensors.values())
        yield (
            str(number),
            node.op,
            element("code", name(subject.modules.get(number, ""))),
            str(subject.model.types[number]),
            f"{weights:,}" if weights else "",
            ("1" if subject.has_bits(number) else "32") if weights else "",
            f"{size:,}" if size else "",
            f"{step.macs:,}" if step and step.macs else "",
            duration(step.seconds) if step else "",
            element("span", bar(step.share), f" {step.share:.0%}", class_="barred") if step else "",
        )


sections.register("layers")(
    Section(
        40,
        "Layers, their bits and their time",
        "Each row is one operation of the packed network, with the weights that it holds and the "
        "time that it takes for one sample.",
        _draw,
    )
)

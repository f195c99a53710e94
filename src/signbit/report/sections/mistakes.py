"""The samples for which the network is most sure of a wrong answer."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from signbit.report._html import element, name, note, paragraph, table
from signbit.report._observe import Mistake
from signbit.report._pictures import photo
from signbit.report._section import Section, sections
from signbit.report._subject import Subject


def _draw(subject: Subject) -> Sequence[Element]:
    observed = subject.observed
    if observed is None:
        return [note("No data was given.")]
    if observed.mistakes is None:
        return [note("The data does not have one true class for each sample.")]
    if not observed.mistakes:
        return [note(f"The network makes no mistake on these {observed.samples:,} samples.")]
    said = paragraph(
        f"{observed.wrong:,} of {observed.samples:,} samples are wrong. Here are "
        f"{len(observed.mistakes)}, the highest probability first."
    )
    if observed.mistakes[0].picture is None:
        return [said, _as_table(observed.mistakes)]
    return [said, element("div", *map(_figure, observed.mistakes), class_="gallery")]


def _figure(mistake: Mistake) -> Element:
    assert mistake.picture is not None
    alt = f"a {name(mistake.true)} that is taken for {name(mistake.predicted)}"
    caption = element(
        "figcaption",
        element("b", f"{name(mistake.predicted)} {mistake.probability:.0%}"),
        element("br"),
        f"true: {name(mistake.true)} {mistake.true_probability:.0%}",
    )
    return element("figure", photo(mistake.picture, alt), caption)


def _as_table(mistakes: Sequence[Mistake]) -> Element:
    rows = [
        (
            name(one.place),
            name(one.predicted),
            f"{one.probability:.1%}",
            name(one.true),
            f"{one.true_probability:.1%}",
        )
        for one in mistakes
    ]
    header = ("sample", "predicted class", "probability", "true class", "its probability")
    return table("Samples by their number in the data, or by their file.", header, rows)


sections.register("mistakes")(
    Section(
        20,
        "Worst mistakes",
        "For these samples the network is most sure of a wrong answer. Each has the probability of "
        "that answer and the probability of the true class.",
        _draw,
    )
)

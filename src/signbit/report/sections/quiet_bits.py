"""Bits that carry little information, so that the network could do without them."""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from signbit.report._bits import BitShares, makers_of_bits, out_of_reach, repeated_filters
from signbit.report._html import Child, bar, element, name, note, paragraph, table
from signbit.report._section import Section, sections
from signbit.report._subject import Subject

QUIET = 0.99
_MOST_ROWS = 200


def _draw(subject: Subject) -> Sequence[Element]:
    return [*_activations(subject), *_filters(subject)]


def _activations(subject: Subject) -> list[Element]:
    if not makers_of_bits(subject.model):
        return [note("No value inside of this network is turned into bits.")]
    said = paragraph(
        "A bit that is the same for every sample carries no information for the next layer. A "
        "channel is ",
        element("b", "constant"),
        " if its bit was the same for all samples and positions that were counted, and ",
        element("b", "quiet"),
        f" if it was the same in {QUIET:.0%} of them or more. A channel is ",
        element("b", "out of reach"),
        " if no input can make a sum of the layer cross its threshold. The ",
        element("b", "entropy"),
        " of a bit that is +1 with share p is -p log₂ p - (1 - p) log₂ (1 - p). It is 1 if both "
        "signs are equally frequent, and 0 if the bit is constant. It is an upper bound of the "
        "information in the bit.",
    )
    header = ("bits made by", "channels", "out of reach", "constant", "quiet", "mean entropy, bits")
    observed, rows = subject.observed, list(_rows(subject))
    over = "Without data, only thresholds out of reach are known."
    if observed is not None:
        count = len(next(iter(observed.kept.values())))
        over = f"Counted over {count:,} samples, evenly spread over the data."
    drawn = [said, table(f"Bits of activations. {over}", header, rows[:_MOST_ROWS])]
    if len(rows) > _MOST_ROWS:
        drawn.append(note(f"The first {_MOST_ROWS} of {len(rows)} rows are shown."))
    return drawn


def _rows(subject: Subject) -> Iterator[Sequence[Child]]:
    stuck = out_of_reach(subject.model)
    counted = {one.node: one for one in subject.bits or ()}
    for number in makers_of_bits(subject.model):
        channels = subject.model.types[number].channels
        reach = f"{stuck[number]:,}" if number in stuck else "-"
        yield (
            name(subject.label(number)),
            f"{channels:,}",
            reach,
            *_of(counted.get(number), channels),
        )


def _of(shares: BitShares | None, channels: int) -> tuple[Child, Child, Child]:
    if shares is None:
        return "-", "-", "-"
    constant, quiet = shares.quiet(1.0), shares.quiet(QUIET)
    entropy = bar(shares.entropy, f"{shares.entropy:.2f}")
    return f"{constant:,}", f"{quiet:,} ({quiet / channels:.0%})", entropy


def _filters(subject: Subject) -> list[Element]:
    found = {number: count for number, count in repeated_filters(subject.model).items() if count}
    if not found:
        return [note("No two filters of a binary layer have the same or the opposite weights.")]
    rows = [
        (name(subject.label(number)), f"{subject.model.types[number].channels:,}", f"{count:,}")
        for number, count in list(found.items())[:_MOST_ROWS]
    ]
    caption = (
        "Filters with the same weights as an earlier filter of the layer, or with the opposite "
        "weights. Their sums are the same, except for the sign."
    )
    return [table(caption, ("layer", "filters", "repeated"), rows)]


sections.register("quiet_bits")(
    Section(
        70,
        "Where bits are lost",
        "Packing loses nothing: the bits are those of the trained network. This shows bits that "
        "the network has, but hardly uses.",
        _draw,
    )
)

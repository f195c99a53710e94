"""What a section of the page is, and the registry of all sections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from signbit.registry import Registry

if TYPE_CHECKING:
    from signbit.report._subject import Subject


@dataclass(frozen=True)
class Section:
    """A part of the page.

    place: sections stand in the order of their places.
    title: the heading.
    lead: one sentence that says what one sees.
    draw: the elements below it. Where the section does not apply, one `note` that says why.
    """

    place: int
    title: str
    lead: str
    draw: "Callable[[Subject], Sequence[Element]]"


sections: Registry[Section] = Registry("section", "signbit.report.sections")

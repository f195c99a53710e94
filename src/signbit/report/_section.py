"""The type of a section of the page, and the registry of all sections."""

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

    place: the sections are in the order of this number.
    title: the heading.
    lead: one sentence that says what the section shows.
    draw: a function from a `Subject` to the HTML elements below the lead. If the section does not
        apply, it returns one `note` that says why.
    """

    place: int
    title: str
    lead: str
    draw: "Callable[[Subject], Sequence[Element]]"


sections: Registry[Section] = Registry("section", "signbit.report.sections")
"""The sections of the page by name. Register your own with `sections.register("NAME")(SECTION)`."""

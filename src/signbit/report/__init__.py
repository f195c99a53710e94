"""A trained or packed network as one page of HTML. Needs no torch.

A section of the page is one module in `signbit.report.sections`.
"""

from signbit.report._bits import BitShares, bit_shares, makers_of_bits
from signbit.report._layer import choose_layer
from signbit.report._observe import Mistake, Observed, observe
from signbit.report._page import render
from signbit.report._section import Section, sections
from signbit.report._subject import Subject

__all__ = [
    "BitShares",
    "Mistake",
    "Observed",
    "Section",
    "Subject",
    "bit_shares",
    "choose_layer",
    "makers_of_bits",
    "observe",
    "render",
    "sections",
]

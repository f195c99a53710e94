"""Networks from elsewhere: adopt modules of foreign code, make a real network binary."""

from signbit.convert._report import Change, Report
from signbit.convert.adopt import adopt
from signbit.convert.binarize import binarize

__all__ = ["Change", "Report", "adopt", "binarize"]

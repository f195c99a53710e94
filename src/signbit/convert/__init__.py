"""Networks from elsewhere: adopt foreign code, make a real network binary, read foreign files."""

from signbit.convert._report import Change, Report
from signbit.convert.adopt import adopt
from signbit.convert.binarize import binarize
from signbit.importers import read

__all__ = ["Change", "Report", "adopt", "binarize", "read"]

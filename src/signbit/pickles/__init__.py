"""Interpret a pickle as data: nothing that it names is imported or called.

A pickle is a program for a small stack machine. Python's own machine calls any function that a file
names. This machine knows only the few instructions that data needs. The reader of a kind of file
defines in a `Dialect` what replaces the functions and classes that such files name.
"""

from signbit.pickles._dialect import Budget, Dialect, ForbiddenError, Inert, Name, PickleError
from signbit.pickles._machine import dict_of, read_pickle
from signbit.pickles._steps import ALL_STEPS, DATA_STEPS

__all__ = [
    "ALL_STEPS",
    "DATA_STEPS",
    "Budget",
    "Dialect",
    "ForbiddenError",
    "Inert",
    "Name",
    "PickleError",
    "dict_of",
    "read_pickle",
]

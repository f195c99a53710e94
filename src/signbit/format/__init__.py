"""What a model needs to be run, apart from its code."""

from signbit.format.preprocessing import Preprocessing

__all__ = ["Preprocessing"]

"""Several constants between the numbers of an image, as `torch.cat` puts them."""

import torch
from torch import Tensor

from signbit.pack._draft import Pointwise, base_of, chain
from signbit.pack._layout import Placed, as_map, as_row
from signbit.pack._nodes import affine
from signbit.pack._place import Place


def fill_for(constants: Tensor) -> float:
    """The number that stands for all of them at first: their common magnitude, or else 0."""
    sizes = constants.abs().unique()
    return float(sizes[0]) if len(sizes) == 1 and bool(sizes.isfinite().all()) else 0.0


def with_constants(value: Placed, constants: Tensor, known: Tensor, place: Place) -> Placed:
    """A value that holds `fill_for` wherever a constant is, with these constants.

    constants, known: in torch's order; where a number is known it stays as it is.
    """
    if fill_for(constants[~known]):
        # Signs of bits stay bits.
        factors = torch.where(known, 1.0, constants.sign())
        return _applied(value, factors, "multiply", place)
    # x + -0.0 is x, also where x is -0.0.
    return _applied(value, torch.where(known, -0.0, constants), "add", place)


def _applied(value: Placed, numbers: Tensor, what: str, place: Place) -> Placed:
    """value * numbers, or value + numbers; with one number per channel, or as one row."""
    own: Tensor | None = None
    if 1 <= len(value.shape) <= 3:
        by_channel = numbers.reshape(value.shape[0], -1)
        own = by_channel[:, 0] if bool((by_channel == by_channel[:, :1]).all()) else None
    if own is None:
        laid, own = as_row(value, place), numbers.reshape(-1)
    else:
        laid = Placed(as_map(value, place), value.shape)
    source, ones = laid.step, torch.ones_like(own)
    form = affine(own, 0.0) if what == "multiply" else affine(1.0, own)
    step = Pointwise(
        place,
        (source,),
        source.size,
        base_of(source),
        (lambda rows: rows * own) if what == "multiply" else (lambda rows: rows + own),
        [own.sign() if what == "multiply" else ones],
        chain(form),
        uniform=False,
    )
    return Placed(step, laid.shape, laid.index)

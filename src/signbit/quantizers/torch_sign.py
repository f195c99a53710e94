"""The sign as `torch.sign` computes it: 0 for zero."""

from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating
from signbit.quantizers._ste import StraightThrough, check_clip


def torch_sign(x: Tensor, clip: float | None = 1.0) -> Tensor:
    """`TorchSign` as a function.

    Shape:  x and the result are alike, any rank.
    Range:  {-1, 0, +1}.
    Raises: InputTypeError if x is not floating point.
    """
    require_floating(x)
    return StraightThrough.apply(x, x.detach().sign(), clip)  # pyright: ignore[reportReturnType]


@quantizers.register("torch_sign")
class TorchSign(AbstractQuantizer):
    """`ste_sign` with a third value: an exact zero stays 0.

    y = +1 where x > 0, -1 where x < 0, 0 where x is 0 or NaN.
    dy/dx = 1 for |x| <= clip, else 0; with clip=None it is 1 everywhere.

    Published code that calls torch.sign computes this. Three values do not fit into one bit, so
    choose `ste_sign` for a network that you train.

    Shape:  x and y are alike, any rank.
    Range:  y in {-1, 0, +1}.
    Raises: InputTypeError if x is not floating point, UsageError if clip is not positive.
    Source: the code of BinaryNet for PyTorch, https://github.com/itayhubara/BinaryNet.pytorch.
    """

    binary = False

    def __init__(self, clip: float | None = 1.0):
        super().__init__()
        check_clip(clip)
        self.clip = clip

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        return torch_sign(x, self.clip)

    def extra_repr(self) -> str:
        """The clip value."""
        return f"clip={self.clip}"

"""How a network that was written to be packed wrong is tried."""

from collections.abc import Callable

from torch import Tensor, nn

from signbit.format import Preprocessing
from tests.pack.corpus._case import RGB, Case
from tests.pack.corpus._judge import judge
from tests.pack.corpus._parts import BConv2d


def attack(
    make: Callable[[], nn.Module],
    *,
    refused: str | None = None,
    integers: bool = False,
    images: Preprocessing = RGB,
    wrap: Callable[[nn.Module], nn.Module] = lambda model: model,
) -> None:
    """The network packs right, or is refused in one clear line that says what it must."""
    verdict = judge(Case("attack", make, images, integers, refused, None, wrap, True))
    assert verdict.expected, f"{verdict.kind}: {verdict.detail}"


class Middle(nn.Module):
    """A module of one's own between two layers."""

    def __init__(self, quantizer: nn.Module):
        super().__init__()
        self.conv1, self.quantizer = BConv2d(3, 16, 3, bias=False), quantizer
        self.conv2, self.fc = BConv2d(16, 16, 3), nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv2(self.quantizer(self.conv1(x))).mean((2, 3)))

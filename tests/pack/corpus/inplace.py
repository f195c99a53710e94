"""Values that are changed in place and read again, in every way PyTorch has for it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import RGB, network
from tests.pack.corpus._parts import BConv2d, PlusMinus, Sign


class _Block(nn.Module):
    """A stem, a binary layer after something in place, and a shortcut that reads x again."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = BConv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.relu, self.sign = nn.ReLU(inplace=True), Sign()
        self.conv2, self.bn2 = BConv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.fc = nn.Linear(16, 5)

    def stem(self, x: Tensor) -> Tensor:
        return self.bn1(self.conv1(x))

    def branch(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv2(self.sign(x)))

    def head(self, x: Tensor) -> Tensor:
        return self.fc(x.mean((2, 3)))


@network(RGB)
class ShortcutReadsTheRectified(_Block):
    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.branch(self.relu(x) - 0.5)
        return self.head(y + x)


@network(RGB)
class ShortcutReadsACopy(_Block):
    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        identity = x.clone()
        return self.head(self.branch(self.relu(x) - 0.5) + identity)


@network(RGB)
class AddedInPlace(_Block):
    """`out += residual`, the spelling of torchvision."""

    def forward(self, x: Tensor) -> Tensor:
        residual = self.stem(x)
        out = self.branch(residual)
        out += residual
        return self.head(self.relu(out))


@network(RGB)
class ShortcutIsAddedTo(_Block):
    """`x += y` where x is read once more after it."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.branch(x)
        x += y
        return self.head(self.branch(x) * 0.5 + x)


@network(RGB)
class HardtanhFunction(_Block):
    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        F.hardtanh_(x, -0.5, 1.0)
        return self.head(self.branch(x) + x)


@network(RGB)
class ArithmeticMethods(_Block):
    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x.mul_(2).add_(0.25).sub_(1).div_(2).neg_()
        return self.head(self.branch(x).clamp_(-2, 2) + x)


@network(RGB)
class SliceIsNegated(_Block):
    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x[:, :4].neg_()
        x[:, 4:8] *= 0.5
        x[:, :, 0, :] = 0.25
        return self.head(self.branch(x) + x)


@network(RGB)
class ViewIsChanged(_Block):
    """A view of x is changed; x is read."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        flat = x.view(x.size(0), -1)
        flat.clamp_(min=-0.75)
        half = x[:, :8]
        half.add_(1)
        return self.head(self.branch(x) + x)


@network(RGB)
class MaskIsFilled(_Block):
    """x[x < 0] = 0, by an index of booleans."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x[x < -0.5] = -0.5
        return self.head(self.branch(x) + x.masked_fill_(x > 1, 1.0))


@network(RGB)
class CopiedInto(_Block):
    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        kept = torch.empty_like(x)
        kept.copy_(x)
        x.zero_()
        return self.head(self.branch(kept) + x)


@network(RGB)
class OutArgument(_Block):
    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        with torch.no_grad():
            torch.add(x, 0.5, out=x)
        return self.head(self.branch(x) + x)


@network(RGB)
class DetachSharesMemory(_Block):
    """x.detach() is the same memory: what is done to it is done to x."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x.detach().add_(0.5)
        return self.head(self.branch(x) + x)


@network(RGB)
class InputIsChanged(_Block):
    """The input itself is changed, and read by a shortcut of average colours."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(19, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = x.clone()
        x.sub_(0.5)
        y = self.branch(self.stem(x.clamp_(-1, 0.25)))
        return self.fc(torch.cat([y.mean((2, 3)), x.mean((2, 3))], 1))


@network(RGB)
class SignInPlace(_Block):
    """sign_ on a copy; the shortcut keeps the numbers."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        bits = x.clone().sign_().add_(0.5).sign_()
        return self.head(self.bn2(self.conv2(bits)).add_(x))


@network(RGB)
class ListOfValues(_Block):
    """Values in a list, one of them changed after it was appended."""

    def forward(self, x: Tensor) -> Tensor:
        values = [self.stem(x)]
        values.append(PlusMinus.apply(values[0]))  # pyright: ignore
        values[0].relu_()
        values[-1] = self.bn2(self.conv2(values[-1]))
        return self.head(torch.stack(values).sum(0))

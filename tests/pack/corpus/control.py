"""Ordinary Python in a forward pass: loops, branches, assertions, optional arguments."""

from collections import OrderedDict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import RGB, network
from tests.pack.corpus._parts import BConv2d, BLinear, Sign


class _Net(nn.Module):
    """Two binary layers and a classifier; what differs is how forward calls them."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = BConv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = BConv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.sign, self.fc = Sign(), BLinear(16 * 36, 5)

    def body(self, x: Tensor) -> Tensor:
        x = self.sign(self.bn1(self.conv1(x)))
        return self.sign(self.bn2(self.conv2(x)))

    def scores(self, x: Tensor) -> Tensor:
        return self.fc(F.max_pool2d(x, 2).flatten(1))


@network(RGB, integers=True)
class OptionalTarget(_Net):
    def forward(self, x: Tensor, target: Tensor | None = None) -> Tensor:
        scores = self.scores(self.body(x))
        return scores if target is None else F.cross_entropy(scores, target)


@network(RGB, integers=True)
class OptionalFlag(_Net):
    def forward(self, x: Tensor, return_features: bool = False):
        features = self.body(x)
        return (self.scores(features), features) if return_features else self.scores(features)


@network(RGB, integers=True)
class AnyArguments(_Net):
    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        return self.scores(self.body(*args, **kwargs))


@network(RGB, refused=r"argument|input|scale|forward", statistics=False)
class TwoInputs(_Net):
    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        return self.scores(self.body(x * scale))


@network(RGB, integers=True)
class Assertions(_Net):
    def forward(self, x: Tensor) -> Tensor:
        assert isinstance(x, torch.Tensor), "a tensor, please"
        assert x.dim() == 4, f"rank {x.dim()}"
        if x.shape[1] != 3:
            raise ValueError(f"expected 3 channels, got {x.shape[1]}")
        return self.scores(self.body(x))


@network(RGB, integers=True)
class ShapeDecides(_Net):
    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        if x.shape != y.shape and y.size(-1) % 2 == 0:
            y = -y
        while y.shape[-1] > 6:
            y = F.max_pool2d(y, 2)
        return self.fc(y.flatten(1))


@network(RGB, integers=True)
class TrainingDecides(_Net):
    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        y = F.dropout(y, 0.3, self.training)
        return self.scores(y) if not self.training else self.scores(y * 2)


@network(RGB, refused=r"values|data|depend|dynamic|item|bool")
class ValuesDecide(_Net):
    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        if y.mean() > 0:
            y = -y
        return self.scores(y)


@network(RGB, refused=r"values|data|depend|dynamic|item|number|int")
class ValuesCount(_Net):
    """A Python number from the values."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        return self.scores(y) * float(x.abs().max())


@network(RGB, may_refuse=r"batch|images")
class BatchSizeCancels(_Net):
    """The number of images enters the arithmetic, and leaves it again."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x) if self.training else self.conv1(x) * len(x) / len(x)
        return self.scores(self.sign(self.bn2(self.conv2(self.sign(self.bn1(x))))))


@network(RGB, refused=r"batch|images|axis 0|dimension 0|dim")
class MeanOfTheBatch(_Net):
    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.sign(self.bn1(self.conv1(x)))))
        return self.scores(self.sign(y - y.mean(0, keepdim=True)))


@network(RGB, integers=True)
class KeepsValues(_Net):
    """Writes what it saw to attributes and a dictionary."""

    def __init__(self):
        super().__init__()
        self.seen: dict[str, Tensor] = {}
        self.last: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        self.last = y.detach()
        self.seen["features"] = y.detach()
        return self.scores(y)


@network(RGB, integers=True, may_refuse=r"buffer|attribute|changes|state")
class CountsCalls(_Net):
    """A buffer that each call changes, and no score reads."""

    calls: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.scores(self.body(x))


@network(RGB, refused=r"buffer|attribute|changes|state|calls")
class RemembersImages(_Net):
    """A buffer that each call changes, and the scores read."""

    memory: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("memory", torch.zeros(3, 12, 12))

    def forward(self, x: Tensor) -> Tensor:
        self.memory.mul_(0.9).add_(x.mean(0), alpha=0.1)
        return self.scores(self.body(x - self.memory))


@network(RGB, integers=True)
class NamedParts(nn.Module):
    """An OrderedDict of layers, called by name; a list of indices to pool after."""

    def __init__(self):
        super().__init__()
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 3
        for index, width in enumerate((16, 24, 20)):
            parts[f"conv{index}"] = BConv2d(channels, width, 3, padding=1)
            parts[f"norm{index}"] = nn.BatchNorm2d(width)
            channels = width
        self.parts, self.pooled = nn.ModuleDict(parts), [0, 2]
        self.fc = BLinear(180, 5)

    def forward(self, x: Tensor) -> Tensor:
        for index in range(3):
            x = self.parts[f"norm{index}"](self.parts[f"conv{index}"](x))
            if index in self.pooled:
                x = F.max_pool2d(x, 2)
            x = torch.where(x > 0, 1.0, -1.0)
        return self.fc(x.flatten(1))


@network(RGB, integers=True)
class PlainListOfLayers(_Net):
    """A Python list of modules that are registered elsewhere; getattr by a made name."""

    def __init__(self):
        super().__init__()
        self.order = [self.conv1, self.bn1, self.sign]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.order:
            x = layer(x)
        for name in ("conv", "bn"):
            x = getattr(self, f"{name}2")(x)
        return self.scores(self.sign(x))


@network(RGB, integers=True)
class SameLayerThreeTimes(_Net):
    """One convolution and one norm, called in a loop: weights are shared."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.sign(self.bn1(self.conv1(x)))
        for _ in range(3):
            x = self.sign(self.bn2(self.conv2(x)))
        return self.scores(x)


@network(RGB, integers=True)
class SharedConvolutionOwnNorms(_Net):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(16) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.sign(self.bn1(self.conv1(x)))
        for norm in self.norms:
            x = self.sign(norm(self.conv2(x)))
        return self.scores(x)


@network(RGB, integers=True)
class TupleBetweenModules(_Net):
    """A helper returns a tuple and a dictionary, of which one value is used."""

    def branches(self, x: Tensor) -> tuple[dict[str, Tensor], list[Tensor]]:
        y = self.sign(self.bn1(self.conv1(x)))
        return {"bits": y, "negative": -y}, [y, x]

    def forward(self, x: Tensor) -> Tensor:
        named, (first, _) = self.branches(x)
        y = self.conv2(named["negative"]) - self.conv2(first)
        return self.scores(self.sign(self.bn2(y)))


@network(RGB, integers=True)
class UnusedBranch(_Net):
    """An auxiliary head that no score depends on, with an operation nobody packs."""

    def __init__(self):
        super().__init__()
        self.auxiliary = nn.LSTM(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        if self.training:
            self.auxiliary(y.mean((2, 3)))
        y.detach().cumsum(0).sort()
        return self.scores(y)


@network(RGB, integers=True)
class ParameterExpressions(_Net):
    """Weights that are computed from parameters and settings at each call."""

    def __init__(self):
        super().__init__()
        self.log_scale, self.gate = nn.Parameter(torch.zeros(16)), nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        scale = (self.log_scale.exp() * torch.sigmoid(self.gate)).reshape(1, -1, 1, 1)
        x = self.sign(self.bn1(self.conv1(x)) * scale + self.bn2.bias[:, None, None])
        x = self.conv2(x) / scale.mean()
        return self.scores(self.sign(self.bn2(x)))


@network(RGB, integers=True)
class NumbersOfTheShape(_Net):
    """Divides by the number of positions, and scales by the root of the channels."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.sign(self.bn1(self.conv1(x)))
        y = self.conv2(x)
        y = y / (y.shape[2] * y.shape[3]) * y.size(1) ** -0.5
        return self.scores(self.sign(self.bn2(y) + 1 / y.dim()))


@network(RGB, integers=True)
class NewTensorsInForward(_Net):
    """Tensors made in forward, of the value's device and type."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x))
        steps = torch.arange(16, dtype=x.dtype, device=x.device).view(1, -1, 1, 1) / 16
        x = self.sign(x - steps + x.new_full((1,), 0.25))
        return self.scores(self.sign(self.bn2(self.conv2(x)) + torch.ones_like(x) * 0.5))


@network(RGB, integers=True)
class PositionalOffsets(_Net):
    """A learned map is added before a sign: each position has a threshold of its own."""

    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.randn(1, 16, 12, 12))

    def forward(self, x: Tensor) -> Tensor:
        x = self.sign(self.bn1(self.conv1(x)) + self.offset)
        return self.scores(self.sign(self.bn2(self.conv2(x))))


@network(RGB, refused=r"sort|topk|index|cannot be packed|order")
class SortedFeatures(_Net):
    """The five largest of the features."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn2(self.conv2(self.sign(self.bn1(self.conv1(x)))))
        return x.flatten(1).topk(5, dim=1).values


@network(RGB, refused=r"argmax|integer|int64|label|scores")
class LabelsInsteadOfScores(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.body(x)).argmax(1)


@network(RGB, refused=r"nothing|None|output|returns|tensor")
class ReturnsNothing(_Net):
    def forward(self, x: Tensor) -> None:
        self.kept = self.scores(self.body(x))


@network(RGB, refused=r"constant|input|depend|image")
class ScoresOfNoImage(_Net):
    """Forgot to use x: the same scores for every image."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc.weight[:, :5].expand(len(x), 5, 5)[:, 0]


@network(RGB, refused=r"boom|ValueError|raises|forward")
class Raises(_Net):
    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            raise ValueError("boom\nin two lines")
        return self.scores(self.body(x))


@network(RGB, refused=r"shape|size|channels|input", statistics=False)
class OtherInputSize(_Net):
    """Its classifier is made for images of 16x16, the preprocessing says 12x12."""

    def __init__(self):
        super().__init__()
        self.fc = BLinear(16 * 64, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.body(x))

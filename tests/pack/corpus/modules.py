"""Networks made of modules alone."""

import torch
from torch import Tensor, nn

from tests.pack.corpus._case import GREY, IMAGENET, RGB, network
from tests.pack.corpus._parts import BConv2d, BLinear, Sign


@network(GREY, integers=True)
def grey_perceptron() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        BLinear(64, 48),
        nn.BatchNorm1d(48),
        Sign(),
        BLinear(48, 33),
        nn.BatchNorm1d(33),
        Sign(),
        BLinear(33, 5),
        nn.BatchNorm1d(5),
    )


@network(GREY, integers=True)
def pixels_made_binary() -> nn.Module:
    return nn.Sequential(
        Sign(),
        nn.Flatten(),
        BLinear(64, 40, bias=False),
        nn.BatchNorm1d(40),
        Sign(),
        BLinear(40, 5),
    )


@network(RGB, integers=True)
def vgg_like() -> nn.Module:
    def block(inputs: int, outputs: int, pool: bool) -> list[nn.Module]:
        pooling = [nn.MaxPool2d(2)] if pool else []
        return [
            BConv2d(inputs, outputs, 3, padding=1, bias=False),
            *pooling,
            nn.BatchNorm2d(outputs),
            nn.Hardtanh(inplace=True),
            Sign(),
        ]

    layers = [*block(3, 16, False), *block(16, 24, True), *block(24, 32, True)]
    tail = [nn.Flatten(), BLinear(288, 40), nn.BatchNorm1d(40), Sign(), BLinear(40, 5)]
    return nn.Sequential(*layers, *tail, nn.BatchNorm1d(5, affine=False))


class _FeaturesAndClassifier(nn.Module):
    def __init__(self, last: nn.Module):
        super().__init__()
        self.features = nn.Sequential(
            BConv2d(3, 24, kernel_size=3, stride=1, padding=1),
            nn.MaxPool2d(kernel_size=2, stride=2),
            nn.BatchNorm2d(24),
            nn.Hardtanh(inplace=True),
            Sign(),
            BConv2d(24, 16, 3),
            nn.BatchNorm2d(16),
            Sign(),
        )
        self.classifier = nn.Sequential(BLinear(16 * 4 * 4, 7), nn.BatchNorm1d(7), last)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = x.view(-1, 16 * 4 * 4)
        return self.classifier(x)


@network(RGB, integers=True)
def log_softmax_of_dim_1() -> nn.Module:
    return _FeaturesAndClassifier(nn.LogSoftmax(dim=1))


@network(RGB)
def softmax_of_last_dim() -> nn.Module:
    return _FeaturesAndClassifier(nn.Softmax(dim=-1))


@network(IMAGENET)
def real_first_and_last_layer() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        BConv2d(16, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(16, 5),
    )


@network(IMAGENET)
def real_network() -> nn.Module:
    """Nothing here is binary."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(200, 5)
    )


class _Doubled(nn.Module):
    """Blocks in a ModuleDict and a ModuleList, called by name and in a loop."""

    def __init__(self):
        super().__init__()
        self.stem = nn.ModuleDict({"conv": BConv2d(3, 16, 3), "norm": nn.BatchNorm2d(16)})
        self.blocks = nn.ModuleList(
            nn.Sequential(Sign(), BConv2d(16, 16, 3, padding=1, groups=g), nn.BatchNorm2d(16))
            for g in (1, 2, 16)
        )
        self.head = nn.Sequential(Sign(), nn.Flatten(), BLinear(1600, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem["norm"](self.stem["conv"](x))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


@network(RGB, integers=True)
def dict_and_list_of_modules() -> nn.Module:
    return _Doubled()


@network(RGB, integers=True)
def dilated_and_strided() -> nn.Module:
    return nn.Sequential(
        BConv2d(3, 10, (3, 2), stride=(2, 1), padding=(2, 0), dilation=(2, 1)),
        nn.BatchNorm2d(10, eps=1e-3),
        Sign(),
        BConv2d(10, 70, (1, 3), padding="same", bias=False),
        nn.BatchNorm2d(70),
        nn.Identity(),
        Sign(),
        nn.Flatten(start_dim=1),
        BLinear(70 * 6 * 11, 3),
    )


@network(RGB, integers=True)
def unflattened() -> nn.Module:
    """A linear stem, whose features become a map."""
    return nn.Sequential(
        nn.Flatten(),
        BLinear(432, 128),
        nn.BatchNorm1d(128),
        Sign(),
        nn.Unflatten(1, (8, 4, 4)),
        BConv2d(8, 12, 3),
        nn.BatchNorm2d(12),
        Sign(),
        nn.Flatten(),
        BLinear(48, 5),
    )


class _MapOfScores(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm, self.sign = BConv2d(3, 16, 3), nn.BatchNorm2d(16), Sign()
        self.conv2 = BConv2d(16, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.sign(self.norm(self.conv1(x))))


@network(RGB, refused=r"shape|map|one row")
def map_of_scores() -> nn.Module:
    return _MapOfScores()


class _TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(BConv2d(3, 16, 3), nn.BatchNorm2d(16), Sign(), nn.Flatten())
        self.one, self.two = BLinear(1600, 5), BLinear(1600, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.body(x)
        return self.one(x), self.two(x)


@network(RGB, refused=r"output|returns|one tensor|2 ")
def two_outputs() -> nn.Module:
    return _TwoHeads()


class _Named(_TwoHeads):
    def forward(self, x: Tensor) -> dict[str, Tensor]:  # pyright: ignore
        return {"logits": self.one(self.body(x))}


@network(RGB, refused=r"output|returns|dict|one tensor")
def output_in_a_dict() -> nn.Module:
    return _Named()


@network(RGB, refused=r"statistics|batch")
def norm_of_the_batch() -> nn.Module:
    """Without running statistics the scores of an image depend on the others."""
    return nn.Sequential(
        BConv2d(3, 16, 3),
        nn.BatchNorm2d(16, track_running_stats=False),
        nn.Flatten(),
        BLinear(1600, 5),
    )


class _SyncNorm(nn.Module):
    def __init__(self):
        super().__init__()
        net = nn.Sequential(BConv2d(3, 16, 5), nn.BatchNorm2d(16), Sign(), nn.Flatten())
        self.net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
        self.fc = BLinear(1024, 5)

    def forward(self, x: Tensor) -> Tensor:
        # Training with it needs a GPU; the statistics stay those of the constructor.
        return self.fc(self.net(x)) if not self.training else torch.zeros(len(x), 5)


@network(RGB, integers=True)
def synchronized_batch_norm() -> nn.Module:
    return _SyncNorm()

"""Real networks made binary: what they become, that they train, and that they pack."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from signbit.convert import binarize
from signbit.errors import UsageError
from signbit.format import Preprocessing
from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryLayer, BinaryLinear
from signbit.pack import pack
from signbit.quantizers import AdabinSign


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.down = None
        if stride != 1:
            self.down = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.down is None else self.down(x)
        return self.relu(y)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        # Registered last first: the order of the calls counts.
        self.fc = nn.Linear(16, 10)
        self.blocks = nn.Sequential(Block(8, 8), Block(8, 16, 2))
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())

    def forward(self, x):
        return self.fc(F.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1).flatten(1))


def small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 12),
        nn.ReLU(),
        nn.Linear(12, 10),
    )


def kinds(model: nn.Module) -> dict[str, str]:
    return {path: type(module).__name__ for path, module in model.named_modules() if path}


def test_the_first_and_the_last_call_stay_real_and_signs_get_a_batch_norm():
    model = small()
    binary, report = binarize(model)
    found = kinds(binary)
    assert (found["0"], found["9"]) == ("Conv2d", "Linear")
    assert (found["2.norm"], found["2.layer"]) == ("BatchNorm2d", "BinaryConv2d")
    # A batch norm stands before it, once the ReLU between is gone.
    assert found["7"] == "BinaryLinear"
    assert "ReLU" not in found.values()
    layer = binary.get_submodule("2.layer")
    assert torch.equal(layer.weight, model[2].weight)  # pyright: ignore
    assert layer.weight is not model[2].weight
    rows = {row[0]: row[1:] for row in report.rows()}
    assert rows["2"] == ("Conv2d", "BatchNorm2d + BinaryConv2d", "its sign needs a batch norm")
    assert rows["0"] == ("Conv2d", "Conv2d", "keep='first'")
    assert rows["1"] == ("ReLU", "Identity", "relu='remove'")
    assert "BatchNorm2d + BinaryConv2d" in str(report)


def test_first_and_last_are_those_of_the_calls():
    binary, _ = binarize(ResNet())
    real = {path for path, kind in kinds(binary).items() if kind in ("Conv2d", "Linear")}
    assert real == {"stem.0", "fc"}
    # Sums of batch norms need no other.
    assert kinds(binary)["blocks.1.conv1"] == "BinaryConv2d"


@pytest.mark.parametrize("relu", ["keep", "prelu", "hardtanh"])
def test_a_kept_relu_gives_the_layer_after_it_a_batch_norm(relu):
    found = kinds(binarize(small(), relu=relu)[0])
    expected = {"keep": "ReLU", "prelu": "PReLU", "hardtanh": "Hardtanh"}[relu]
    assert found["4"] == expected
    assert found.get("7.norm") == (None if relu == "hardtanh" else "FeatureNorm")


def test_patterns_keep_layers_and_all_their_parts():
    binary, _ = binarize(ResNet(), keep=["stem.*", "blocks.0", "fc"])
    real = {path for path, kind in kinds(binary).items() if kind in ("Conv2d", "Linear")}
    assert real == {"stem.0", "blocks.0.conv1", "blocks.0.conv2", "fc"}
    assert all(isinstance(m, BinaryConv2d) for m in [binary.get_submodule("blocks.1.conv1")])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"keep": ["blcks"]}, r"keep='blcks' matches no module; .* Did you mean 'blocks'\?"),
        ({"relu": "removed"}, r"relu is 'removed'; give one of .* Did you mean 'remove'\?"),
        ({"weight_quantizer": "ste"}, "unknown quantizer 'ste'"),
    ],
)
def test_wrong_choices_are_refused(options, says):
    with pytest.raises(UsageError, match=says):
        binarize(ResNet(), **options)


def test_layers_that_are_not_called_or_read_by_torch_stay():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x):
            return self.c(F.linear(self.a(x), self.b.weight))

    _, report = binarize(Net(), keep=())
    assert {row[0]: row[3] for row in report.rows()}["b"] == "forward does not call it"
    encoder = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True))
    binary, report = binarize(encoder, keep=())
    assert not any(isinstance(module, BinaryLayer) for module in binary.modules())


def test_a_network_that_cannot_be_followed_gets_a_batch_norm_before_each_sign():
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.norm, self.b = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4)

        def forward(self, x):
            return self.b(self.norm(self.a(x))) if x.sum() > 0 else self.a(x)

    found = kinds(binarize(Branching(), keep=["first"])[0])
    assert found["a"] == "Linear"
    assert found["b.norm"] == "FeatureNorm"


def test_shared_weights_stay_shared():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[2].weight
    binary, _ = binarize(model, keep=["first"])
    one, two = (m.weight for m in binary.modules() if isinstance(m, BinaryLinear))
    assert one is two


def test_sequences_and_options_of_layers_pass_through():
    model = nn.Sequential(nn.Conv1d(2, 4, 3), nn.Conv1d(4, 4, 3, padding=1, dilation=2, groups=2))
    binary, _ = binarize(model.double(), keep=["first"], learned_scale=True)
    layer = binary.get_submodule("1.layer")
    assert isinstance(layer, BinaryConv1d)
    assert layer.scale is not None
    torch.testing.assert_close(layer.scale, layer.weight.abs().mean((1, 2)))
    assert binary(torch.randn(2, 2, 9).double()).dtype is torch.float64


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 4), (6, 3, 4), (3, 2, 5, 4)])
def test_the_norm_of_a_linear_layer_counts_all_axes_but_the_features(shape):
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    binary, _ = binarize(model, keep=["first"])
    norm, layer = binary.get_submodule("1.norm"), binary.get_submodule("1.layer")
    x = torch.randn(shape) * torch.tensor([1.0, 2, 3, 4]) + torch.arange(4)
    assert isinstance(norm, nn.BatchNorm1d)
    y = norm(x)
    rows = x.reshape(-1, 4)
    torch.testing.assert_close(norm.running_mean, 0.1 * rows.mean(0))
    wanted = (rows - rows.mean(0)) / (rows.var(0, unbiased=False) + norm.eps).sqrt()
    torch.testing.assert_close(y, wanted.reshape(shape))
    assert layer(y).shape == shape


def test_a_network_of_tokens_packs():
    class Tokens(nn.Module):
        """Patches of an image as tokens, as many as features."""

        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 16, 2, 2)
            self.mix = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))
            self.head = nn.Linear(16, 10)

        def forward(self, x):
            tokens = self.patches(x).flatten(2).transpose(1, 2)
            return self.head(self.mix(tokens).mean(1))

    model, _ = binarize(Tokens(), keep=["patches", "head"])
    assert kinds(model)["mix.0.norm"] == kinds(model)["mix.2.norm"] == "FeatureNorm"
    for _ in range(3):
        model(torch.randn(8, 3, 8, 8))
    packed = pack(model.eval(), Preprocessing([1 / 64] * 3, [-2.0] * 3, (8, 8)))
    assert packed.info["check"]["predictions_differ"] == 0


def test_each_layer_has_a_quantizer_of_its_own():
    shared = AdabinSign()
    state = torch.get_rng_state()
    binary, _ = binarize(ResNet(), input_quantizer=shared)
    found = {id(m.input_quantizer) for m in binary.modules() if isinstance(m, BinaryLayer)}
    assert len(found) == 5
    assert id(shared) not in found
    alphas = [value.item() for name, value in binary.named_parameters() if name.endswith("alpha")]
    assert alphas == [1.0] * 5
    torch.set_rng_state(state)
    ResNet()
    after = torch.get_rng_state()
    torch.set_rng_state(state)
    binarize(ResNet())
    assert torch.equal(torch.get_rng_state(), after)


@pytest.mark.parametrize("make", [small, ResNet])
def test_one_step_of_training_changes_every_weight_and_the_network_packs(make):
    torch.manual_seed(0)
    model, report = binarize(make())
    assert model.training
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    before = {name: value.clone() for name, value in model.named_parameters()}
    loss = F.cross_entropy(model(torch.randn(16, 3, 8, 8)), torch.arange(16) % 10)
    loss.backward()
    optimizer.step()
    assert loss.isfinite()
    for path, module in model.named_modules():
        if isinstance(module, BinaryLayer):
            assert not torch.equal(before[f"{path}.weight"], module.weight), path
    packed = pack(model.eval(), Preprocessing([1 / 64] * 3, [-2.0] * 3, (8, 8)))
    assert packed.info["check"]["predictions_differ"] == 0
    assert report.changes

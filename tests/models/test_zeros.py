import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from signbit.errors import CheckpointError, UsageError
from signbit.format import Preprocessing
from signbit.layers import latent_weights
from signbit.models import Architecture, load_model, save_model, to_input
from signbit.models._legacy import legacy_preprocessing
from signbit.pack import pack

SMALL = Architecture("digits_binary", {"width": 4, "in_channels": 3})
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def network():
    torch.manual_seed(0)
    module = SMALL.build()
    module(torch.randn(64, 3, 8, 8))
    return module.eval()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "old.pth"


def write(path, module):
    torch.save({"state_dict": module.state_dict()}, path)
    return path


@torch.no_grad()
def with_zero_weights(module):
    for count, (_, weight) in enumerate(latent_weights(module)):
        weight.flatten()[:count] = 0.0
        weight.flatten()[count : 2 * count] = -0.0


def norms(module):
    return [(n, m) for n, m in module.named_modules() if isinstance(m, torch.nn.BatchNorm2d)]


@torch.no_grad()
def with_constant_channels(module):
    (_, first), (_, second), *_ = norms(module)
    second.weight[1:4] = second.bias[1:4] = 0
    # Constant, too, but no zero.
    first.weight[0], first.bias[0] = 0, 0.5


@pytest.mark.parametrize("change", [with_zero_weights, with_constant_channels])
def test_zeros_are_refused_until_somebody_decides(path, network, change):
    change(network)
    with pytest.raises(CheckpointError) as caught:
        load_model(write(path, network), SMALL)
    message = str(caught.value)
    assert message.startswith(f"{path}: has exact zeros where the network takes a sign: features.")
    assert "--zeros minus or --zeros plus" in message
    assert message.isprintable()


def test_layers_and_counts_are_named(path, network):
    with_zero_weights(network)
    with_constant_channels(network)
    with pytest.raises(CheckpointError) as caught:
        load_model(write(path, network), SMALL)
    names = [name for name, _ in latent_weights(network)]
    counted = [
        f"{name}.weight ({2 * count} of {weight.numel()} weights)"
        for count, (name, weight) in enumerate(latent_weights(network))
        if count
    ]
    assert len(names) == 4
    constant = f"{norms(network)[1][0]} (3 constant channels of 8)"
    assert ", ".join([*counted, constant]) in str(caught.value)


def scores_by_hand(module, sign):
    """The network where each zero is replaced by a number that has this sign beyond doubt."""
    with torch.no_grad():
        for _, weight in latent_weights(module):
            weight[weight == 0] = sign
        for _, norm in norms(module):
            norm.bias[(norm.weight == 0) & (norm.bias == 0)] = sign
        return module(to_input(torch.from_numpy(PIXELS), legacy_preprocessing(SMALL))).numpy()


@pytest.mark.parametrize(("zeros", "sign"), [("minus", -1), ("plus", 1)])
@pytest.mark.parametrize("change", [with_zero_weights, with_constant_channels])
def test_zeros_become_what_was_decided(path, network, change, zeros, sign):
    change(network)
    model = load_model(write(path, network), SMALL, zeros)
    assert f"count as {sign:+d}: features." in model.notes[0]
    np.testing.assert_allclose(model.scores(PIXELS), scores_by_hand(network, sign), rtol=1e-5)
    packed = pack(model.module, model.preprocessing)
    assert packed.info["check"]["bits_differ"] == 0


def test_plus_and_minus_differ(path, network):
    with_zero_weights(network)
    write(path, network)
    minus, plus = (load_model(path, SMALL, zeros).scores(PIXELS) for zeros in ("minus", "plus"))
    assert not np.array_equal(minus, plus)


def test_a_file_without_zeros_needs_no_decision_and_tells_nothing(path, network):
    assert load_model(write(path, network), SMALL).notes == ()
    assert load_model(path, SMALL, "plus").notes == ()


def test_only_weights_that_become_bits_count(path):
    real = Architecture("digits_binary", SMALL.options | {"weight_quantizer": "identity"})
    torch.manual_seed(0)
    module = real.build()
    module(torch.randn(64, 3, 8, 8))
    with torch.no_grad():
        module.state_dict()["features.0.weight"][0] = 0
    assert load_model(write(path, module), real).notes == ()


def test_a_constant_channel_that_a_number_is_added_to_takes_no_sign(path):
    architecture = Architecture("resnet20", {"width": 8})
    torch.manual_seed(0)
    module = architecture.build()
    module(torch.randn(8, 3, 32, 32))
    with torch.no_grad():
        for _, norm in norms(module)[1:]:
            norm.weight[0] = norm.bias[0] = 0
    assert load_model(write(path, module), architecture).notes == ()
    # Nothing is added to what the first one makes.
    with torch.no_grad():
        first = norms(module)[0][1]
        first.weight[0] = first.bias[0] = 0
    with pytest.raises(CheckpointError, match="1 constant channels of 8"):
        load_model(write(path, module), architecture)


def test_zeros_of_a_foreign_safetensors_count_too(tmp_path, network):
    with_zero_weights(network)
    save_file(network.state_dict(), tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="--zeros minus"):
        load_model(tmp_path / "foreign.safetensors", SMALL)


def test_a_checkpoint_of_ours_has_decided(tmp_path, network):
    with_zero_weights(network)
    path = tmp_path / "ours.safetensors"
    save_model(path, network, SMALL, Preprocessing([1.0] * 3, [0.0] * 3, (8, 8)))
    assert load_model(path).notes == ()
    with pytest.raises(UsageError, match="zero is -1; leave out --zeros"):
        load_model(path, zeros="plus")


def test_another_decision_is_refused(path, network):
    with pytest.raises(UsageError, match="zeros is 'zero'; give 'minus', 'plus' or None"):
        load_model(write(path, network), SMALL, "zero")  # pyright: ignore[reportArgumentType]

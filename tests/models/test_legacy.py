import argparse
import os
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from signbit.errors import CheckpointError, UsageError
from signbit.models import Architecture, load_model
from signbit.models._legacy import without_prefixes

# The topology of the old code, narrow where the size does not matter.
SMALL = Architecture("vgg_cifar10_binary", {"inflation": 0.03125, "hidden": [16, 16]})
REGIME = {0: {"optimizer": "Adam", "lr": 5e-3}, 40: {"lr": 1e-3}}


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return SMALL.build().state_dict()


def write(path: Path, state_dict: object, **options: bool) -> Path:
    """The dict that the old code's `save_checkpoint` wrote."""
    content = {
        "epoch": 141,
        "model": "vgg_cifar10_binary",
        "config": "",
        "state_dict": state_dict,
        "best_prec1": torch.tensor(89.5),
        "regime": REGIME,
    }
    torch.save(content, path, **options)
    return path


def assert_refused(path: Path, *parts: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_model(path, SMALL)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for part in parts:
        assert part in message


def refusal_of(path: Path) -> str:
    """What a CheckpointError said; empty where the file loaded."""
    try:
        load_model(path, SMALL)
    except CheckpointError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "model.module.module."]
)
@pytest.mark.parametrize("zipped", [True, False])
def test_model_best_loads_with_and_without_prefix(tmp_path, state, prefix, zipped):
    path = write(
        tmp_path / "model_best.pth.tar",
        {prefix + key: value for key, value in state.items()},
        _use_new_zipfile_serialization=zipped,
    )
    model = load_model(path, SMALL)
    for key, value in state.items():
        assert torch.equal(model.module.state_dict()[key], value), key
    assert not model.module.training
    assert model.architecture == SMALL


def test_topology_of_the_old_code_has_its_keys_and_shapes(tmp_path):
    """Key, shape for each tensor of a checkpoint of that code, from its published source."""
    convolutions = {0: (384, 3), 3: (384, 384), 7: (768, 384)}
    convolutions |= {10: (768, 768), 14: (1536, 768), 17: (512, 1536)}
    norms = {1: 384, 5: 384, 8: 768, 12: 768, 15: 1536, 19: 512}
    linears = {0: (1024, 8192), 3: (1024, 1024), 6: (10, 1024)}
    shapes = {f"features.{i}.weight": (*s, 3, 3) for i, s in convolutions.items()}
    shapes |= {f"features.{i}.bias": s[:1] for i, s in convolutions.items()}
    shapes |= {f"classifier.{i}.weight": s for i, s in linears.items()}
    shapes |= {f"classifier.{i}.bias": s[:1] for i, s in linears.items()}
    for key, width in {f"features.{i}": n for i, n in norms.items()}.items():
        shapes |= {f"{key}.{part}": (width,) for part in ("weight", "bias")}
        shapes |= {f"{key}.{part}": (width,) for part in ("running_mean", "running_var")}
    for index, width in {1: 1024, 4: 1024, 7: 10}.items():
        parts = ("running_mean", "running_var") + (("weight", "bias") if index < 7 else ())
        shapes |= {f"classifier.{index}.{part}": (width,) for part in parts}
    # Zero-stride tensors: the shapes of 14 million parameters without their memory.
    state = {f"module.{key}": torch.ones(1).expand(shape) for key, shape in shapes.items()}
    path = write(tmp_path / "model_best.pth.tar", state)
    architecture = Architecture("vgg_cifar10_binary", {"inflation": 3, "hidden": [1024, 1024]})
    module = load_model(path, architecture).module
    loaded = {k: tuple(v.shape) for k, v in module.state_dict().items() if "num_batches" not in k}
    assert loaded == shapes


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"net": state, "acc": 91.5, "epoch": 3},
        lambda state: {"model": state, "optimizer": {"state": {}, "param_groups": []}},
        lambda state: {"model_state_dict": state, "model": "vgg"},
        lambda state: {"state_dict": {"model": {"net": state}}},
    ],
)
def test_what_is_put_around_a_state_dict_is_taken_off(tmp_path, state, wrap):
    path = tmp_path / "wrapped.pth"
    torch.save(wrap(state), path)
    loaded = load_model(path, SMALL).module.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())


def test_two_state_dicts_in_one_file_are_refused(tmp_path, state):
    path = tmp_path / "two.pth"
    torch.save({"net": state, "model": state}, path)
    assert_refused(path, "holds 'model' and 'net'", "save only that one")


def test_a_prefix_that_is_the_networks_own_stays():
    tensors = {"model.0.weight": torch.zeros(1), "model.0.bias": torch.zeros(1)}
    assert without_prefixes(tensors, ["model.0.weight"]).keys() == tensors.keys()
    assert list(without_prefixes({"module.a": torch.zeros(1)} | tensors, ["a"])) == [
        *("module.a", "model.0.weight", "model.0.bias")
    ]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "figure",
    [
        *(np.float64(41.5), np.float32(41.5), np.int64(3), np.bool_(True), np.str_("x")),
        *(np.array([41.5, 2.0]), np.array(["a", "b"]), np.datetime64("2020-01-01")),
        *(argparse.Namespace(lr=0.1), {1, 2}, bytearray(b"x"), b"x", 1j, torch.device("cpu")),
        *(torch.float32, torch.ones(2).to_sparse()),
    ],
)
def test_figures_and_settings_beside_the_state_dict_do_not_matter(tmp_path, state, figure, zipped):
    path = tmp_path / "model_best.pth.tar"
    content = {"best_prec1": figure, "all": [figure, figure], "state_dict": state}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    load_model(path, SMALL)


def test_a_number_of_numpy_in_the_state_dict_is_named(tmp_path, state):
    path = write(tmp_path / "model_best.pth.tar", state | {"x": np.float64(1)})
    assert_refused(path, "entry 'x' of the state dict is numpy.")


class Net(torch.nn.Linear):
    """Code that the reader of a checkpoint has not."""


def test_a_whole_module_is_refused_by_the_name_of_its_class(tmp_path):
    path = tmp_path / "net.pth"
    torch.save(Net(2, 2), path)
    assert_refused(path, f"asks for {Net.__module__}.Net", "torch.save(model.state_dict(), FILE)")


def test_names_in_a_file_are_shown_with_their_control_characters(tmp_path, state):
    path = write(tmp_path / "a\x1b[31m.pth", dict(state) | {"k\n": torch.zeros(1)})
    with pytest.raises(CheckpointError) as caught:
        load_model(path, SMALL)
    assert str(caught.value).isprintable()


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    assert_refused(tmp_path / "pipe.pth", "a device or pipe, not a file")


def test_plain_state_dict_loads(tmp_path, state):
    path = tmp_path / "weights.pt"
    torch.save(state, path)
    assert torch.equal(
        load_model(path, SMALL).module.state_dict()["features.0.weight"], state["features.0.weight"]
    )


def test_counters_of_batches_may_be_missing(tmp_path, state):
    old = {key: value for key, value in state.items() if "num_batches_tracked" not in key}
    assert len(old) < len(state)
    load_model(write(tmp_path / "old.pth.tar", old), SMALL)


def test_preprocessing_is_that_of_the_old_code(tmp_path, state):
    model = load_model(write(tmp_path / "model_best.pth.tar", state), SMALL)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    pixels = np.array([0, 127, 255])
    found = pixels[:, None] * model.preprocessing.scale + np.array(model.preprocessing.bias)
    np.testing.assert_allclose(found, (pixels[:, None] / 255 - mean) / std, rtol=1e-12)
    assert model.preprocessing.size == (32, 32)
    assert model.preprocessing.classes == ()


def test_architecture_must_be_given(tmp_path, state):
    path = write(tmp_path / "model_best.pth.tar", state)
    with pytest.raises(UsageError, match="--model vgg_cifar10_binary"):
        load_model(path)


@pytest.mark.parametrize(
    ("architecture", "part"),
    [
        (Architecture("vgg_cifar10"), "Did you mean 'vgg_cifar10_binary'"),
        (Architecture("vgg_cifar10_binary", {"inflate": 3}), "Did you mean 'inflation'"),
        (Architecture("vgg_cifar10_binary", {"input_size": 32}), "input_size is 32"),
        (Architecture("vgg_cifar10_binary", {"in_channels": 1}), "3 channels"),
        (Architecture("mlp_binary"), "3 channels"),
    ],
)
def test_wrong_architecture_is_the_users_mistake(tmp_path, state, architecture, part):
    path = write(tmp_path / "model_best.pth.tar", state)
    with pytest.raises(UsageError, match=part):
        load_model(path, architecture)


def test_another_width_lists_the_keys_that_differ(tmp_path, state):
    wider = Architecture("vgg_cifar10_binary", {"inflation": 0.0625, "hidden": [16]})
    path = write(tmp_path / "model_best.pth.tar", state)
    with pytest.raises(CheckpointError) as caught:
        load_model(path, wider)
    message = str(caught.value)
    assert "unexpected: classifier.4.weight" in message
    assert "features.0.weight is 4x3x3x3, the model has 8x3x3x3" in message


class Attack:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path, state, zipped):
    trap = tmp_path / "trap"
    path = write(
        tmp_path / "model_best.pth.tar",
        state | {"x": Attack(trap)},
        _use_new_zipfile_serialization=zipped,
    )
    assert_refused(path, "refused", "Save it again with only its 'state_dict'")
    assert not trap.exists()


def test_bare_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path):
    trap = tmp_path / "trap"
    path = tmp_path / "model_best.pth.tar"
    path.write_bytes(pickle.dumps(Attack(trap)))
    assert_refused(path)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ([1, 2], "no 'state_dict'"),
        ({}, "no 'state_dict'"),
        ({"state_dict": {}}, "no 'state_dict'"),
        ({"state_dict": [1]}, "no 'state_dict'"),
        ({"state_dict": {"features.0.weight": 3}}, "'features.0.weight' of the state dict is int"),
        ({"state_dict": {5: torch.zeros(1)}}, "with int as key"),
    ],
)
def test_file_without_tensors_under_names_is_refused(tmp_path, content, part):
    path = tmp_path / "odd.pth.tar"
    torch.save(content, path)
    assert_refused(path, part)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (torch.zeros(4, 3, 3, 3, dtype=torch.int64), "torch.int64"),
        (torch.zeros(4, 3, 3, 3, dtype=torch.complex64), "torch.complex64"),
        (torch.zeros(4, 3, 3, 3).to_sparse(), "sparse"),
        (torch.zeros(4, 3, 3, 3, device="meta"), "_rebuild_meta_tensor"),
        (torch.full((4, 3, 3, 3), torch.nan), "NaN"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(tmp_path, state, value, part):
    path = write(tmp_path / "model_best.pth.tar", dict(state) | {"features.0.weight": value})
    assert_refused(path, "features.0.weight", part)


def test_damaged_file_is_an_error_of_one_line_whatever_is_damaged(tmp_path, state):
    seed = random.randrange(1 << 32)
    generator = random.Random(seed)
    path = tmp_path / "model_best.pth.tar"
    for zipped in (True, False):
        whole = write(path, state, _use_new_zipfile_serialization=zipped).read_bytes()
        for _ in range(60):
            content = bytearray(whole)
            # The pickle stands at the start; that is where damage has the most ways to fail.
            for _ in range(generator.choice([1, 2, 8])):
                content[generator.randrange(4096)] = generator.randrange(256)
            if generator.random() < 0.3:
                del content[generator.randrange(len(content)) :]
            path.write_bytes(content)
            assert "\n" not in refusal_of(path), f"seed {seed}"

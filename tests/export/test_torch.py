import os
import re
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from helpers.networks import NAMES, packed
from helpers.nodes import images_for
from helpers.operations import NAMES as SMALL
from helpers.operations import small
from safetensors.torch import load_file, save_file

from signbit.export import ExportRequest, export, make_request
from signbit.export.torch import to_module
from signbit.format.types import BITS, I32
from signbit.runtime import reference

NETWORKS = [*NAMES, *SMALL]
TOLERANCE = 2e-6  # of the largest magnitude of a value


@cache
def request_for(name: str) -> ExportRequest:
    return make_request(packed(name) if name in NAMES else small(name), name)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_value_equals_the_reference(name):
    model, golden = request_for(name).model, request_for(name).golden
    with torch.inference_mode():
        network: Any = to_module(model)
        values = network.values(torch.from_numpy(golden.inputs["pixels"]))
    for number, type_ in enumerate(model.types[1:], 1):
        found = values[number].numpy().transpose(0, 2, 3, 1)
        expected = golden.values[number]
        if type_.kind == BITS:
            np.testing.assert_array_equal(found, np.where(expected, 1, -1), f"n{number:02d}")
        elif type_.kind == I32:
            np.testing.assert_array_equal(found, expected, f"n{number:02d}")
        else:
            finite = np.abs(expected[np.isfinite(expected)])
            allowed = TOLERANCE * finite.max(initial=0)
            np.testing.assert_allclose(found, expected, rtol=0, atol=allowed)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_equal(name):
    pixels = images_for(np.random.default_rng(1), packed(name), 33)
    with torch.inference_mode():
        found = to_module(packed(name))(torch.from_numpy(pixels)).numpy()
    expected = reference.scores(packed(name), pixels)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found.argmax(1), expected.argmax(1))


def run(folder, name: str) -> subprocess.CompletedProcess:
    """The written file where signbit cannot be imported."""
    code = (
        "import sys, runpy; sys.modules['signbit'] = None; "
        f"sys.argv = ['{name}.py']; runpy.run_path('{folder / name}.py', run_name='__main__')"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ})


@pytest.mark.parametrize("name", ["paddings", "pooled_reals"])
def test_written_file_runs_without_signbit(tmp_path, name):
    manifest = export(request_for(name), "torch", tmp_path / "out")
    assert manifest["files"] == [f"{name}.py", f"{name}.safetensors", f"{name}_golden.safetensors"]
    done = run(tmp_path / "out", name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": equal") == len(request_for(name).model.nodes)


@pytest.mark.parametrize("spoiled", ["weight", "bit"])
def test_written_check_finds_one_wrong_bit(tmp_path, spoiled):
    export(request_for("digits"), "torch", tmp_path / "out")
    key, file = ("n03.weight", "digits") if spoiled == "weight" else ("n05", "digits_golden")
    path = tmp_path / "out" / f"{file}.safetensors"
    tensors = load_file(path)
    tensors[key].view(-1)[3] *= -1
    save_file(tensors, path)
    done = run(tmp_path / "out", "digits")
    assert done.returncode == 1, done.stderr
    assert "NOT equal" in done.stdout


def test_binary_weights_are_int8_in_the_file_and_parameters_in_the_module(tmp_path):
    export(request_for("vgg"), "torch", tmp_path / "out")
    weights = {
        key: tensor
        for key, tensor in load_file(tmp_path / "out" / "vgg.safetensors").items()
        if key.endswith("weight")
    }
    assert len(weights) == 7
    parameters = dict(to_module(packed("vgg")).named_parameters())
    for key, tensor in weights.items():
        assert tensor.dtype == torch.int8
        assert set(tensor.unique().tolist()) == {-1, 1}
        torch.testing.assert_close(parameters[key].data, tensor.float(), rtol=0, atol=0)


def test_training_lowers_the_loss_and_keeps_weights_binary():
    torch.manual_seed(0)
    network: Any = to_module(packed("digits")).train()
    pixels = torch.from_numpy(images_for(np.random.default_rng(2), packed("digits"), 64))
    labels = torch.randint(10, (64,))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.nll_loss(network(pixels), labels)
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[-3:]) < 0.7 * losses[0]
    sums = network.values(pixels)[3]
    assert torch.equal(sums, sums.round())


def test_gradient_of_a_threshold_is_that_of_a_clip():
    threshold: Any = to_module(packed("digits")).n04
    x = (torch.linspace(-40, 40, 81).reshape(1, 1, 9, 9) + threshold.threshold.detach()[:1]).clone()
    x = x.expand(1, 64, 9, 9).clone().requires_grad_()
    (threshold(x)[:, :1]).sum().backward()
    assert x.grad is not None
    inside = (x.detach()[:, :1] - threshold.threshold[0]).abs() <= threshold.window
    expected = inside * threshold.direction[0] / threshold.window
    torch.testing.assert_close(x.grad[:, :1], expected.float())


def test_source_is_plain_torch_and_the_same_each_time(tmp_path):
    for name in ("a", "b"):
        export(request_for("shortcut"), "torch", tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    text = (tmp_path / "a" / "shortcut.py").read_text()
    assert set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)) == {
        "sys",
        "pathlib",
        "torch",
        "safetensors",
    }
    assert "@" not in text.replace("@staticmethod", "")
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("name", ["torch", "random"])
def test_a_name_that_python_or_torch_needs_is_avoided(tmp_path, name):
    manifest = export(make_request(packed("mlp"), name), "torch", tmp_path / "out")
    assert f"{name}_network.py" in manifest["files"]
    assert run(tmp_path / "out", f"{name}_network").returncode == 0


def test_writing_needs_no_torch(tmp_path):
    request_for("mlp").model.save(tmp_path / "mlp.signbit")
    code = (
        "import sys; sys.modules['torch'] = None; "
        "from signbit.format import PackedModel; from signbit.export import export, make_request; "
        f"model = PackedModel.load('{tmp_path}/mlp.signbit'); "
        f"export(make_request(model, 'mlp'), 'torch', '{tmp_path}/o')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "o" / "mlp.py").is_file()

import os
import re
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from helpers import signatures
from helpers.executed import code_of, spoiled
from helpers.networks import NAMES, packed
from helpers.nodes import images_for
from helpers.operations import NAMES as SMALL
from helpers.operations import small
from safetensors.torch import load_file, save_file

from signbit.errors import ExportError
from signbit.export import ExportRequest, export, make_request
from signbit.export.torch import to_module
from signbit.format import Input, Node, Output, PackedModel, Signature
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
    assert done.stdout.count(": equal") == len(request_for(name).model.nodes) + 1
    assert done.stdout.splitlines()[-1].startswith("scores: equal")


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


def ends_as_tensors() -> list[torch.Tensor]:
    return [
        torch.zeros(2, 1, 2, 2, dtype=torch.uint8),
        torch.ones(2, 2, 3),
        torch.zeros(2, 5, dtype=torch.bool),
    ]


def test_several_outputs_are_a_dict_in_torchs_layout():
    found = to_module(signatures.network("ends"))(*ends_as_tensors())
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "answer": (2, 3),
        "tags": (2, 2, 3),
        "sums": (2, 2),
        "bright": (2, 1, 2, 2),
    }
    assert {value.dtype for value in found.values()} == {torch.float32}
    assert (found["bright"] == -1).all()  # 0 is below the threshold
    assert (found["tags"] == 1).all()


def test_one_output_is_a_tensor():
    network = to_module(signatures.network("bits"))
    found = network(torch.zeros(2, 70, dtype=torch.bool))
    assert tuple(found.shape) == (2, 3)


@pytest.mark.parametrize(
    ("place", "given", "kind", "says"),
    [
        (0, torch.zeros(2, 1, 2, 2), ValueError, r"image is torch.float32 of shape \(2, 1, 2, 2\)"),
        (0, torch.zeros(2, 2, 2, 1, dtype=torch.uint8), ValueError, r"give torch.uint8, \(N, \*"),
        (1, torch.zeros(2, 3, 2), ValueError, "wave is torch.float32 of shape"),
        (2, torch.ones(2, 5), ValueError, "flags is torch.float32.*give torch.bool"),
        (2, None, TypeError, "give 3 tensors: image, wave, flags"),
    ],
)
def test_other_inputs_are_refused_by_name(place, given, kind, says):
    inputs = ends_as_tensors()
    inputs[place : place + 1] = [] if given is None else [given]
    with pytest.raises(kind, match=says):
        to_module(signatures.network("ends"))(*inputs)


def test_gradients_reach_every_weight_and_real_input_through_any_output():
    network: Any = to_module(signatures.network("ends")).train()
    inputs = ends_as_tensors()
    inputs[1] = torch.tensor([[[0.5, 1, 2], [3, 1, 0]]] * 2).requires_grad_()
    found = network(*inputs)
    (found["answer"].sum() + found["tags"].sum() + found["sums"].sum()).backward()
    assert inputs[1].grad is not None
    assert inputs[1].grad.abs().sum() > 0
    assert network.n04.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(("name", "key"), signatures.GOLDEN)
def test_written_check_looks_at_every_input_and_output(tmp_path, name, key):
    export(make_request(signatures.network(name), "net"), "torch", tmp_path / "out")
    path = tmp_path / "out" / "net_golden.safetensors"
    tensors = load_file(path)
    assert code_of(tmp_path / "out" / "net.py")[0] == 0
    tensors[key] = torch.from_numpy(spoiled(tensors[key].numpy()))
    save_file(tensors, path)
    assert code_of(tmp_path / "out" / "net.py")[0] == 1


def test_a_name_that_safetensors_keeps_is_refused(tmp_path):
    nodes = [Node("clamp", (0,), {"low": -1.0, "high": 1.0})]
    ends = [Input.numbers("__metadata__", (2,))], [Output("x", "numbers", 1)]
    request = make_request(PackedModel(nodes, Signature(*ends)), "net")
    with pytest.raises(ExportError, match=r"torch cannot express input '__metadata__': .*rename"):
        export(request, "torch", tmp_path / "out")
    assert not list(tmp_path.iterdir())

"""`signbit pack FILE.py:NAME`: a network that the user's own file defines."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.own_task import arrays, recipe
from safetensors.torch import save_file

import signbit as package
from signbit.cli._own_code import preprocessing_of
from signbit.data import load
from signbit.errors import UsageError
from signbit.train import train

CODE = '''
"""In the manner of BinaryNet: the weight is written in forward."""
import torch
import torch.nn.functional as F
from torch import nn

from parts import sign

print("imported")

class Conv(nn.Conv2d):
    def forward(self, x):
        if x.size(1) != 1:
            x.data = sign(x.data)
        if not hasattr(self.weight, "org"):
            self.weight.org = self.weight.data.clone()
        self.weight.data = sign(self.weight.org)
        return F.conv2d(x, self.weight, None, self.stride, self.padding)

class Net(nn.Module):
    def __init__(self, width, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            Conv(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.Hardtanh(inplace=True),
            Conv(width, width, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(width),
            nn.Hardtanh(inplace=True),
        )
        self.head = nn.Linear(16 * width, classes)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))

def number(width=1):
    return width

def broken(width=1):
    raise RuntimeError("no such width\\nat all")
'''
HOW = ("--size", "8x8", "--mean", "0.5", "--std", "0.25")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A file of code, one that it imports, and weights as torch.save writes them."""
    from signbit.cli._own_code import _imported

    path = tmp_path_factory.mktemp("own")
    (path / "net.py").write_text(CODE)
    (path / "parts.py").write_text(
        "import torch\n\ndef sign(x):\n    return torch.where(x > 0, 1.0, -1.0).to(x.dtype)\n"
    )
    torch.manual_seed(0)
    network = _imported(path / "net.py").Net(6)
    network.train()(torch.randn(64, 1, 8, 8))
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, path / "net.pth")
    save_file(network.state_dict(), path / "net.safetensors")
    return path


@pytest.mark.parametrize("weights", ["net.pth", "net.safetensors"])
def test_code_that_writes_its_weights_is_adopted_and_packed(signbit, folder, tmp_path, weights):
    out, err = signbit(
        "pack", f"{folder / 'net.py'}:Net", "--weights", folder / weights, "--args", '{"width": 6}',
        *HOW, "--adopt", "--classes", "digits", "-o", tmp_path / "net.signbit",
        "--json", tmp_path / "net.json",
    )  # fmt: skip
    assert "imported" in err
    assert "imported" not in out
    assert "features.3 Conv BinaryConv2d sign of the input, sign(0) = -1" in " ".join(out.split())
    assert (
        "adopted: 2 modules; the outputs before and after differ by at most 0.0e+00, on 9 inputs"
        in out
    )
    result = json.loads((tmp_path / "net.json").read_text())
    assert result["check"]["bits_differ"] == 0
    assert [one["path"] for one in result["adopted"]["modules"]] == ["features.0", "features.3"]

    from signbit.cli._own_code import open_own_code

    own = open_own_code(
        Path(f"{folder / 'net.py'}:Net"), folder / weights, "[6]", "8x8", "0.5", "0.25"
    )
    images = load("digits", "test").images[:50]
    scores = package.load(tmp_path / "net.signbit").scores(images)
    np.testing.assert_allclose(scores, own.scores(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        (
            {"name": "net.py"},
            2,
            "net.py needs the name of a network, FILE.py:NAME; networks in this file: Conv, Net.",
        ),
        ({"name": "net.py:Nett"}, 2, "defines no 'Nett'; networks in this file: Conv, Net. Did"),
        ({"name": "no.py:Net"}, 2, "importing it raised FileNotFoundError"),
        ({"name": "net.py:number"}, 2, "number returns int; give a torch.nn.Module"),
        ({"name": "net.py:broken"}, 2, "broken(width=6) raised RuntimeError: no such width"),
        ({"--args": '{"widht": 6}'}, 2, "Net(widht=6) raised TypeError"),
        ({"--args": "{"}, 2, "--args '{' is not JSON"),
        ({"--args": "6"}, 2, "--args '6' is neither an object nor a list; give"),
        ({"--args": '{"width": 5}'}, 1, "net.pth does not fit model 'net.py:Net' with options"),
        ({"--weights": None}, 2, "own code needs --weights"),
        ({"--size": None, "--std": None}, 2, "own code needs --size, --std"),
        ({"--size": "8"}, 2, "--size '8': give height and width"),
        ({"--mean": "a"}, 2, "--mean 'a': give one number per channel"),
        ({"--std": "0"}, 2, "std above 0"),
        ({"--weights": "parts.py"}, 2, "parts.py: its name is not that of a file of weights"),
        ({"--weights": "no.pth"}, 1, "no.pth: cannot be read"),
        ({"--model": "vgg_small"}, 2, "is own code; leave --model out"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(signbit, folder, tmp_path, changes, code, says):
    given = {
        "--weights": "net.pth", "--args": '{"width": 6}', "--size": "8x8", "--mean": "0.5",
        "--std": "0.25",
    }  # fmt: skip
    given |= changes
    name = given.pop("name", "net.py:Net")
    if given["--weights"] is not None:
        given["--weights"] = str(folder / given["--weights"])
    options = [word for key, value in given.items() if value is not None for word in (key, value)]
    out = tmp_path / "net.signbit"
    signbit.refused("pack", folder / name, *options, "-o", out, code=code, says=says)
    assert not out.exists()


def test_code_with_an_error_in_it_is_one_line(signbit, folder, tmp_path):
    for text, says in [("x = (", "SyntaxError"), ("raise SystemExit(3)", "SystemExit: 3")]:
        (tmp_path / "bad.py").write_text(text)
        signbit.refused(
            "pack", f"{tmp_path / 'bad.py'}:Net", "--weights", folder / "net.pth", *HOW,
            "-o", tmp_path / "net.signbit", code=2, says=f"bad.py: importing it raised {says}",
        )  # fmt: skip


def test_options_for_own_code_are_refused_with_a_model_of_ours(signbit, checkpoint, tmp_path):
    signbit.refused(
        "pack", checkpoint, "--adopt", "--size", "8x8", "-o", tmp_path / "m.signbit", code=2,
        says="is a model of signbit; leave --size, --adopt out",
    )  # fmt: skip


def test_weights_that_would_run_code_are_refused(signbit, folder, tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    torch.save({"state_dict": {"head.bias": Evil()}}, tmp_path / "evil.pth")
    out = signbit.refused(
        "pack", f"{folder / 'net.py'}:Net", "--weights", tmp_path / "evil.pth", "--args", "[6]",
        *HOW, "-o", tmp_path / "net.signbit", code=1, says="evil.pth",
    )  # fmt: skip
    assert "run" not in out


def test_preprocessing_is_that_of_torchvision():
    found = preprocessing_of("4x6", "0.5,0,1", "0.5,1,2")
    assert found.size == (4, 6)
    assert found.scale == pytest.approx([1 / 127.5, 1 / 255, 1 / 510])
    assert found.bias == pytest.approx([-1, 0, -0.5])
    assert found.crop is None
    assert preprocessing_of("4x6", "0", "1", 0.875).crop == 0.875
    with pytest.raises(UsageError, match="crop is 2"):
        preprocessing_of("4x6", "0", "1", 2)
    with pytest.raises(UsageError, match="one of each per channel"):
        preprocessing_of("4x6", "0.5", "0.5,1")


REAL = """
from torch import nn

def net():
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)]
    return nn.Sequential(*layers).double()
"""


def test_what_was_converted_and_what_stays_real_is_printed(signbit, tmp_path):
    from signbit.cli._own_code import _imported

    (tmp_path / "real.py").write_text(REAL)
    torch.save(_imported(tmp_path / "real.py").net().state_dict(), tmp_path / "real.pth")
    out, err = signbit(
        "pack", f"{tmp_path / 'real.py'}:net", "--weights", tmp_path / "real.pth", *HOW,
        "-o", tmp_path / "real.signbit", "--json", tmp_path / "real.json",
    )  # fmt: skip
    assert "kept real (its weights are real): 0, 3\n" in out
    assert "torch may round the network's real numbers differently" in out
    converted, not_binary = json.loads((tmp_path / "real.json").read_text())["notes"]
    assert err == f"signbit: {converted}\nsignbit: {not_binary}\n"
    assert "torch.float64" in converted
    assert "no layer is binary" in not_binary


TRAINED = """
from torch import nn
from signbit.layers import BinaryLinear

def network(hidden=16):
    return nn.Sequential(
        BinaryLinear(6, hidden, bias=False, input_quantizer=None), nn.BatchNorm1d(hidden),
        BinaryLinear(hidden, 3, bias=False), nn.BatchNorm1d(3),
    )

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = network()

    def forward(self, x):
        return self.layers(x)
"""
OF_TRAINED = """
inputs: [{name: x, kind: f32, shape: [6]}]
outputs: [{name: kind, kind: classes, names: [a, b, c]}]
"""


@pytest.fixture(scope="module")
def own_run(tmp_path_factory) -> tuple[Path, torch.nn.Module]:
    """A folder with code and a run of a module from it; and the trained module."""
    from signbit.cli._own_code import _imported

    path = tmp_path_factory.mktemp("trained")
    (path / "nets.py").write_text(TRAINED)
    (path / "nets.yaml").write_text(OF_TRAINED)
    module = _imported(path / "nets.py").Net()
    train(module, arrays(), recipe=recipe(epochs=1), out=path / "run")
    return path, module


@pytest.mark.parametrize("weights", ["run", "run/last.safetensors"])
def test_a_module_that_was_trained_in_python_packs_from_its_run(
    signbit, own_run, tmp_path, weights
):
    folder, module = own_run
    out, _ = signbit(
        "pack", f"{folder / 'nets.py'}:Net", "--weights", folder / weights, "--signature",
        folder / "nets.yaml", "-o", tmp_path / "net.signbit",
    )  # fmt: skip
    assert "0 predictions differ" in out
    engine = package.load(tmp_path / "net.signbit")
    inputs, _ = arrays()
    wanted = module(torch.from_numpy(inputs)).detach().numpy()
    np.testing.assert_allclose(engine.run({"x": inputs})["kind"], wanted, atol=1e-5)


@pytest.mark.parametrize(
    "command",
    [
        ("pack", "-o", "net.signbit"), ("evaluate", "--data", "digits"), ("summary",),
        ("export", "--to", "npz", "-o", "out"), ("predict", "nets.py"),
    ],
)  # fmt: skip
def test_the_run_of_ones_own_module_says_how_to_pack_it(signbit, own_run, monkeypatch, command):
    monkeypatch.chdir(own_run[0])
    name, *options = command
    says = (
        "run/last.safetensors: holds the weights of a module of your own, "
        "signbit_own_code_nets.Net, but not how to build it; pack it first: signbit pack "
        "FILE.py:NAME --weights run/last.safetensors --signature FILE.yaml -o FILE.signbit, where "
    )
    signbit.refused(name, "run", *options, code=1, says=says)


def test_weights_that_a_run_has_not_written_yet_are_one_line(signbit, own_run, tmp_path):
    folder = own_run[0]
    signbit.refused(
        "pack", f"{folder / 'nets.py'}:Net", "--weights", tmp_path, "--signature",
        folder / "nets.yaml", "-o", tmp_path / "net.signbit", code=1,
        says="last.safetensors: cannot be read",
    )  # fmt: skip


SIGNED = """
import torch
from torch import nn
from signbit.layers import BinaryLinear

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = BinaryLinear(20, 8), nn.Linear(12, 2)

    def forward(self, code, x):
        joined = torch.cat([self.first(code), x], 1)
        return {"kind": self.last(joined), "size": joined.sum(1)}
"""
SIGNATURE = """
inputs:
  - {name: code, kind: bits, shape: [20]}
  - {name: x, kind: f32, shape: [4]}
outputs:
  - {name: kind, kind: classes, names: [cat, dog]}
  - {name: size, kind: numbers}
  - {name: sums, kind: numbers, module: first}
"""


@pytest.fixture(scope="module")
def signed(tmp_path_factory) -> Path:
    from signbit.cli._own_code import _imported

    path = tmp_path_factory.mktemp("signed")
    (path / "two.py").write_text(SIGNED)
    (path / "two.yaml").write_text(SIGNATURE)
    save_file(_imported(path / "two.py").Two().state_dict(), path / "two.safetensors")
    return path


def how(folder: Path, out: Path, *more: object) -> list[object]:
    weights = ("--weights", folder / "two.safetensors")
    return ["pack", f"{folder / 'two.py'}:Two", *weights, "-o", out / "two.signbit", *more]


def test_a_signature_says_what_a_network_takes_and_gives(signbit, signed, tmp_path):
    out, _ = signbit(*how(signed, tmp_path, "--signature", signed / "two.yaml"))
    assert "self-check on 16 samples" in out
    engine = package.load(tmp_path / "two.signbit")
    assert [str(one) for one in engine.inputs] == ["code (bits, 20)", "x (f32, 4)"]
    assert [(one.name, one.kind, one.names) for one in engine.outputs] == [
        ("kind", "classes", ("cat", "dog")),
        ("size", "numbers", ()),
        ("sums", "numbers", ()),
    ]
    given = {"code": np.ones((3, 20), bool), "x": np.zeros((3, 4), np.float32)}
    assert engine.run(given)["sums"].shape == (3, 8)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("inputs: []", "inputs is []; give a list"),
        ("outputs: []", "field 'inputs' is missing"),
        (
            "inputs: [{name: code, kind: bit, shape: [20]}]",
            "input 'code': kind is 'bit'; give one of u8",
        ),
        ("inputs: [{name: code, kind: bits}]", "input 1: field 'shape' is missing"),
        ("inputs: [{name: a, kind: bits, shape: [3]}]\noutputs: [{nam: b}]", "output 1: unknown"),
        ("inputs: [", "not YAML"),
    ],
)
def test_a_signature_that_says_something_else_is_one_line(signbit, signed, tmp_path, text, says):
    (tmp_path / "bad.yaml").write_text(text)
    command = how(signed, tmp_path, "--signature", tmp_path / "bad.yaml")
    signbit.refused(*command, code=2, says=f"bad.yaml: {says}")


def test_a_signature_takes_the_place_of_size_mean_and_std(signbit, signed, tmp_path):
    both = how(signed, tmp_path, "--signature", signed / "two.yaml", "--size", "8x8")
    signbit.refused(*both, code=2, says="described by --signature; leave --size out")
    signbit.refused(*how(signed, tmp_path), code=2, says="give --weights and --signature")


def test_samples_of_every_input_take_part_in_the_self_check(signbit, signed, tmp_path):
    given = {"code": np.ones((3, 20), bool), "x": np.ones((3, 4), np.float32)}
    np.savez(tmp_path / "given.npz", **given)
    both = ("--signature", signed / "two.yaml", "--samples", tmp_path / "given.npz")
    out, _ = signbit(*how(signed, tmp_path, *both))
    assert "self-check on 19 samples" in out
    np.savez(tmp_path / "given.npz", code=given["code"])
    signbit.refused(*how(signed, tmp_path, *both), code=2, says="input 'x' is missing")
    both = ("--signature", signed / "two.yaml", "--samples", signed / "two.py")
    signbit.refused(*how(signed, tmp_path, *both), code=2, says="not one image; give a .npz file")

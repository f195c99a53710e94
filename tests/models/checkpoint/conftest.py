"""A checkpoint of a small network, and what a damaged one must be refused with."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from signbit.errors import CheckpointError
from signbit.format import Preprocessing
from signbit.models import Architecture, load_model, save_model

OPTIONS = {"width": 4}
NAMES = tuple("abcdefghij")


@pytest.fixture
def architecture():
    return Architecture("digits_binary", OPTIONS)


@pytest.fixture
def preprocessing():
    return Preprocessing([2 / 255], [-1.0], (8, 8), NAMES)


@pytest.fixture
def module(architecture):
    torch.manual_seed(0)
    module = architecture.build()
    module(torch.randn(64, 1, 8, 8))  # gives the batch norms statistics of their own
    return module.eval()


@pytest.fixture
def path(tmp_path, module, architecture, preprocessing):
    path = tmp_path / "net.safetensors"
    save_model(path, module, architecture, preprocessing, {"epoch": 3, "data": "digits"})
    return path


@pytest.fixture
def header(path) -> dict[str, Any]:
    """Without a digest, as files of earlier versions."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    found = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["signbit"])
    return {key: value for key, value in found.items() if key != "sha256"}


def rewrite(path: Path, header: Any) -> None:
    text = header if isinstance(header, str) else json.dumps(header)
    save_file(load_file(path), path, metadata={"signbit": text})


def assert_refused(path: Path, *parts: str, error: type[Exception] = CheckpointError) -> None:
    with pytest.raises(error) as caught:
        load_model(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    for part in parts:
        assert part in message

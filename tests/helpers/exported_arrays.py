"""Reads the arrays of an export back, with NumPy, SciPy and plain Python."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

Array = NDArray[Any]


def read_npz(path: Path, keys: list[str]) -> dict[str, Array]:
    content = np.load(path, allow_pickle=False)
    return {keys[0]: content} if isinstance(content, np.ndarray) else dict(content)


def read_mat(path: Path, keys: list[str]) -> dict[str, Array]:
    content = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    return {keys[0]: content["array"]} if content.keys() == {"array"} else content


def read_txt(path: Path, keys: list[str]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for part in path.read_text().split("# ")[1:]:
        header, _, numbers = part.partition("\n")
        facts = json.loads(header)
        kind = int if np.dtype(facts["dtype"]).kind in "iu" else float
        values = np.array(list(map(kind, numbers.split())), facts["dtype"])
        arrays[facts["key"]] = values.reshape(facts["shape"])
    return arrays


READERS: Mapping[str, Callable[[Path, list[str]], dict[str, Array]]] = {
    "mat": read_mat,
    "npz": read_npz,
    "txt": read_txt,
}


def read(folder: Path, to: str) -> dict[str, Array]:
    """All arrays of an export by their keys, in the shapes that its manifest states."""
    entries = json.loads((folder / "manifest.json").read_text())["arrays"]
    found: dict[str, Array] = {}
    for file in {entry["file"] for entry in entries}:
        keys = [entry["key"] for entry in entries if entry["file"] == file]
        found |= READERS[to](folder / file, keys)
    assert found.keys() == {entry["key"] for entry in entries}
    for entry in entries:
        assert found[entry["key"]].dtype.name == entry["dtype"], entry
        found[entry["key"]] = found[entry["key"]].reshape(entry["shape"])
    return found

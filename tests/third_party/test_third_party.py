"""A package of its own adds one thing of each kind, as docs/extending.md says; all of it works."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import numpy as np
import pytest

from signbit.format import PackedModel
from signbit.runtime import reference
from signbit.runtime.engine import Engine
from tests.test_docs import run

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "extending.md").read_text("utf-8")
FILE = re.compile(r"^`([\w/.]+)`:\n\n```(?:python|toml|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_BLOCK = re.compile(r"^```(?!sh$)\w+$", re.MULTILINE)


def files() -> list[Path]:
    found = [path for path in HERE.rglob("*") if path.suffix in (".py", ".toml", ".yaml")]
    return [path for path in found if path.name not in ("__init__.py", Path(__file__).name)]


def test_the_page_shows_every_file_of_the_package_and_nothing_else():
    shown = dict(FILE.findall(PAGE))
    assert shown == {str(path.relative_to(HERE)): path.read_text("utf-8") for path in files()}
    assert len(shown) == len(ANY_BLOCK.findall(PAGE))


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> Path:
    """Where a new environment has its programs: python, with signbit, pip and the command."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    inside = folder / "bin"
    ours = sysconfig.get_paths()["purelib"]
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (own / "signbit.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    scripts = {
        "signbit": f'exec "{inside}/python" -m signbit "$@"',
        "pip": f'exec "{sys.executable}" -m pip --python "{inside}/python" "$@"',
    }
    for name, line in scripts.items():
        (inside / name).write_text(f"#!/bin/sh\n{line}\n")
        (inside / name).chmod(0o755)
    return inside


@pytest.mark.slow
def test_what_the_page_says_to_type_works(tmp_path, programs, monkeypatch):
    package = tmp_path / "signbit-stripes"
    for path in [*files(), HERE / "src" / "signbit_stripes" / "__init__.py"]:
        place = package / path.relative_to(HERE)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    for name in ("walk.py", "stripes.yaml", "my_project"):
        (package / name).rename(tmp_path / name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    # Without a network; what it builds with is installed.
    for name, value in {"NO_INDEX": "1", "NO_DEPS": "1", "NO_BUILD_ISOLATION": "0"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    done = run(PAGE, tmp_path, programs)
    assert done.returncode == 0, done.stdout
    packed = PackedModel.load(tmp_path / "stripes.signbit")
    assert [node.op for node in packed.nodes] == [
        *("conv_u8", "threshold", "conv_bits", "threshold"),
        *("signs", "affine", "conv_f32", "affine"),
    ]
    for folder in ("in-python", "stripes-json"):
        exported = json.loads((tmp_path / folder / "network.json").read_text())
        assert [node["op"] for node in exported["nodes"]] == [node.op for node in packed.nodes]
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    wanted = reference.run(packed, images)[-1].reshape(4, 2)
    assert np.array_equal(np.float32(exported["outputs"]["scores"]), wanted)
    # The last layer is real, and the engine adds in another order.
    assert np.allclose(Engine(packed).scores(images), wanted, atol=1e-5)


def test_a_package_that_does_not_load_is_one_line_of_the_command(tmp_path, programs):
    folder = tmp_path / "broken-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[signbit.export]\nbroken = gone_away\n")
    done = subprocess.run(
        [programs / "signbit", "export", "x.signbit", "--to", "jsn", "-o", "x"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "signbit: broken: entry point broken = gone_away of signbit.export: loading it raised "
        "ModuleNotFoundError: No module named 'gone_away'; repair that package, or run: "
        "pip uninstall broken\n"
    )

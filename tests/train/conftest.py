from pathlib import Path

import pytest

from signbit.train import Recipe, Run, load_recipe

TINY = {"epochs": 3, "batch_size": 64, "model": {"width": 4}}


@pytest.fixture
def tiny_recipe() -> Recipe:
    return load_recipe("digits", TINY)


@pytest.fixture
def tiny_run(tmp_path: Path, tiny_recipe: Recipe) -> Run:
    return Run(tiny_recipe, "digits_binary", "digits", tmp_path / "run")

"""`precision: auto` becomes bfloat16 where the device has it, and the run keeps that choice."""

import pytest
import torch

from signbit.train import Run, _named, _precision, load_recipe, train
from signbit.train._precision import with_known_precision


@pytest.mark.parametrize(("fast", "chosen"), [(True, "bfloat16"), (False, "float32")])
def test_auto_follows_the_processor(monkeypatch, fast, chosen):
    monkeypatch.setattr(_precision, "multiplies_bfloat16", lambda: fast)
    recipe = load_recipe("plain", {"precision": "auto"})
    assert with_known_precision(recipe, "cpu").precision == chosen


@pytest.mark.parametrize(("fast", "chosen"), [(True, "bfloat16"), (False, "float32")])
def test_auto_follows_the_gpu(monkeypatch, fast, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda emulated: fast and not emulated)
    recipe = load_recipe("plain", {"precision": "auto"})
    assert with_known_precision(recipe, "cuda").precision == chosen


@pytest.mark.parametrize("given", ["float32", "bfloat16"])
def test_a_precision_that_is_given_stays(monkeypatch, given):
    monkeypatch.setattr(_precision, "multiplies_bfloat16", lambda: given == "float32")
    recipe = load_recipe("plain", {"precision": given})
    assert with_known_precision(recipe, "cpu").precision == given


@pytest.mark.parametrize(("fast", "chosen"), [(True, "bfloat16"), (False, "float32")])
def test_the_folder_of_a_run_has_the_precision_that_was_chosen(tmp_path, monkeypatch, fast, chosen):
    monkeypatch.setattr(_precision, "multiplies_bfloat16", lambda: fast)
    recipe = load_recipe("plain", {"precision": "auto", "epochs": 1})
    seen = []

    class Seen(torch.nn.Linear):
        def forward(self, x):
            seen.append(torch.is_autocast_enabled("cpu"))
            return super().forward(x)

    train(Seen(3, 2), (torch.randn(64, 3), torch.arange(64) % 2), recipe=recipe, out=tmp_path / "a")
    assert any(seen) is fast
    assert f"precision: {chosen}" in (tmp_path / "a" / "recipe.yaml").read_text()


def test_a_run_of_a_named_model_is_written_with_the_choice(tmp_path, monkeypatch):
    monkeypatch.setattr(_precision, "multiplies_bfloat16", lambda: True)
    written = []
    monkeypatch.setattr(_named, "start_in_folder", lambda run, prepare: written.append(run) or {})
    recipe = load_recipe("digits", {"precision": "auto"})
    train(Run(recipe, "digits_binary", "digits", tmp_path / "run"))
    assert written[0].recipe.precision == "bfloat16"

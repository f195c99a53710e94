"""What a run leaves of a user's module and teacher besides the weights."""

import copy

import lightning.pytorch as pl
import pytest
import torch
from helpers.own_task import arrays, network, recipe
from torch import nn

from signbit.errors import TrainingError, UsageError
from signbit.train import train
from signbit.train._own_module import as_it_was

INPUTS, TARGETS = (torch.from_numpy(one) for one in arrays())
IMAGES = torch.randn(len(INPUTS), 2, 6, 6, generator=torch.Generator().manual_seed(0))


def state_of(module):
    """All that a run may change besides values: of parts, of parameters, and what torch keeps."""
    parts = {
        name: {
            key: value
            for key, value in vars(part).items()
            if key not in ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
            and not isinstance(value, torch.Tensor)
        }
        for name, part in module.named_modules()
    }
    tensors = [*module.named_parameters(), *module.named_buffers()]
    layout = {
        name: (
            one.requires_grad,
            one.device,
            one.stride(),
            one.dtype,
            one.grad,
            one._backward_hooks,
        )
        for name, one in tensors
    }
    kept = {name: id(one) for name, one in module.named_parameters()}
    return copy.copy(parts), layout, kept


def images():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
    )


SETTINGS = {
    "plain": {},
    "frozen": {"frozen": ["0.*", "1.*"]},
    "average": {"averaging": {"decay": 0.9}},
    "distillation": {"distillation": {}},
    "bfloat16": {"precision": "bfloat16"},
}


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_module_and_its_teacher_are_what_they_were_but_for_weights(settings, tmp_path):
    module, teacher = images(), images() if settings == "distillation" else None
    module[4].bias.requires_grad_(False)
    module[4].bias.grad = torch.ones(3)
    before, taught = state_of(module.eval()), None
    module.train()
    weights = copy.deepcopy(module.state_dict())
    if teacher is not None:
        teacher[1].eval()
        taught = state_of(teacher), copy.deepcopy(teacher.state_dict())
    chosen = recipe(**SETTINGS[settings])
    train(module, (IMAGES, TARGETS), None, chosen, out=tmp_path / "run", teacher=teacher)
    (parts, layout, kept), (parts_before, layout_before, kept_before) = state_of(module), before
    assert parts == parts_before
    assert kept == kept_before
    name = "4.bias"
    assert layout.pop(name)[4] is None  # its gradient is cleared
    layout_before.pop(name)
    assert layout == layout_before
    assert any(not torch.equal(one, weights[name]) for name, one in module.named_parameters())
    if teacher is not None:
        assert taught is not None
        assert state_of(teacher) == taught[0]
        for name, one in teacher.state_dict().items():
            assert torch.equal(one, taught[1][name]), name


def test_a_compiled_run_leaves_a_module_that_is_not_compiled(tmp_path, monkeypatch):
    module, compiled = network(), []

    def compile_module(self, **options):
        compiled.append(self)
        self._compiled_call_impl = self._call_impl

    monkeypatch.setattr(nn.Module, "compile", compile_module)
    teacher = network(seed=1)
    chosen = recipe(epochs=1, compile=True, distillation={})
    train(module, (INPUTS, TARGETS), None, chosen, out=tmp_path / "run", teacher=teacher)
    assert compiled == [module, teacher]
    assert module._compiled_call_impl is None
    assert teacher._compiled_call_impl is None


def modes_in_a_run(module, out, **settings):
    """The modes of the batch norm of a network while a gradient is computed in the run."""
    norm, modes = module[1], set()

    def note(part, inputs, outputs):
        # Copies of the module have copies of the hook.
        if part is norm and torch.is_grad_enabled():
            modes.add(part.training)

    handle = norm.register_forward_hook(note)
    train(module, (INPUTS, TARGETS), None, recipe(epochs=1, val_size=0, **settings), out=out)
    handle.remove()
    assert not any(part.training for part in module.modules())
    return modes


def test_a_module_in_eval_mode_trains_as_one_in_training_mode(tmp_path):
    one, other = network(), network().eval()
    assert modes_in_a_run(one, tmp_path / "one") == {True}
    assert modes_in_a_run(other, tmp_path / "other") == {True}
    for (name, ours), theirs in zip(
        one.state_dict().items(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs), name


def test_a_part_that_is_in_eval_mode_stays_so(tmp_path):
    module = network()
    norm = module[1].eval()
    before = copy.deepcopy(norm.state_dict())
    assert modes_in_a_run(module, tmp_path / "run") == {False}
    assert torch.equal(norm.state_dict()["running_mean"], before["running_mean"])


def test_an_old_gradient_has_no_effect(tmp_path):
    one, other = network(), network()
    for parameter in other.parameters():
        parameter.grad = torch.full_like(parameter, 100.0)
    for name, module in (("one", one), ("other", other)):
        train(module, (INPUTS, TARGETS), None, recipe(epochs=1), out=tmp_path / name)
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_module_is_as_it_was_after_a_refusal_and_after_a_failure(tmp_path):
    module = network().eval()
    module[2].train()
    before = state_of(module)
    chosen = recipe(frozen=["0.*"])
    with pytest.raises(UsageError, match="unknown metric"):
        train(module, (INPUTS, TARGETS), None, chosen, out=tmp_path / "a", metrics="iou")
    assert state_of(module) == before

    def loss(outputs, targets):
        return outputs.sum() * torch.inf

    with pytest.raises(TrainingError, match="the loss is not finite"):
        train(module, (INPUTS, TARGETS), None, chosen, out=tmp_path / "b", loss=loss)
    assert state_of(module) == before


class Lit(pl.LightningModule):
    """A module of Lightning's, which logs where it has a trainer."""

    def __init__(self):
        super().__init__()
        self.inner = network()

    def forward(self, x):
        return self.inner(x)


def test_a_module_of_lightning_keeps_no_trainer(tmp_path):
    module = Lit()
    train(module, (INPUTS, TARGETS), None, recipe(epochs=1), out=tmp_path / "run")
    assert module._trainer is None
    copy.deepcopy(module)


def test_device_and_layout_come_back():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1))
    module[2].to(memory_format=torch.channels_last)  # pyright: ignore
    values, before = copy.deepcopy(module.state_dict()), state_of(module)
    with as_it_was(module):
        module[0].to(memory_format=torch.channels_last)  # pyright: ignore
        module[2].to(memory_format=torch.contiguous_format)  # pyright: ignore
        module[0].weight.requires_grad_(False)
        module.double().float()
        assert state_of(module) != before
    assert state_of(module) == before
    for name, one in module.state_dict().items():
        assert torch.equal(one, values[name])

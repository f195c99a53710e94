"""Modules of a user's own run in channels_last where they accept it."""

import pytest
import torch
from helpers.own_task import recipe
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from signbit.layers import BinaryConv2d
from signbit.train import train
from signbit.train._run_recorder import RunRecorder

IMAGES = torch.randn(48, 3, 6, 6, generator=torch.Generator().manual_seed(0))
CLASSES = torch.randint(3, (48,), generator=torch.Generator().manual_seed(1))
CPU = torch.device("cpu")
CONTIGUOUS, LAST = (108, 36, 6, 1), (108, 1, 18, 3)


class Net(nn.Module):
    """Two convolutions. `flatten` of view raises in channels_last."""

    def __init__(self, flatten="flatten", scale=1.0):
        super().__init__()
        torch.manual_seed(0)
        self.conv = BinaryConv2d(3, 8, 3, input_quantizer=None, bias=False)
        self.norm, self.more = nn.BatchNorm2d(8), nn.Conv2d(8, 4, 3)
        self.head, self.flatten, self.scale = nn.Linear(16, 3), flatten, scale
        self.seen: set = set()

    def forward(self, x):
        if torch.is_grad_enabled() and len(x) > 2:
            self.seen.add(x.stride())
        x = self.more(self.norm(self.conv(x * self.scale)))
        return self.head(x.flatten(1) if self.flatten == "flatten" else x.view(len(x), -1))


class Pair(nn.Module):
    """Two maps, by name, and a number."""

    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, left, right, number):
        return self.net(left + right) + number[:, None]


def run(module, out, data=(IMAGES, CLASSES), **options):
    settings = recipe(epochs=2, batch_size=16, val_size=0, **options.pop("settings", {}))
    return train(module, data, None, settings, out=out, **options)


@pytest.mark.parametrize("data", ["arrays", "items", "loader"])
def test_maps_of_all_forms_of_data_come_in_channels_last(data, tmp_path, capsys):
    module = Net()
    given = {
        "arrays": (IMAGES, CLASSES),
        "items": TensorDataset(IMAGES, CLASSES),
        "loader": DataLoader(TensorDataset(IMAGES, CLASSES), 16),
    }[data]
    run(module, tmp_path / "run", given)
    assert module.seen == {LAST}
    assert "channels_last" not in capsys.readouterr().err
    assert module.more.weight.is_contiguous()


def test_several_maps_come_in_channels_last(tmp_path):
    module = Pair()
    inputs = {"left": IMAGES, "right": IMAGES.flip(0), "number": torch.ones(len(IMAGES))}
    run(module, tmp_path / "run", (inputs, CLASSES))
    assert module.net.seen == {LAST}


def test_a_module_that_cannot_runs_in_contiguous_memory_with_a_note(tmp_path, capsys):
    module = Net(flatten="view")
    run(module, tmp_path / "run")
    assert module.seen == {CONTIGUOUS}
    noted = [line for line in capsys.readouterr().err.splitlines() if "channels_last" in line]
    assert len(noted) == 1
    assert "the module runs in contiguous memory, because channels_last fails: Runtime" in noted[0]


def test_a_teacher_runs_in_its_own_layout(tmp_path, capsys):
    module, teacher, seen = Net(), Net(flatten="view"), set()

    def note(part, inputs):
        if part is teacher.conv and len(inputs[0]) == 16:
            seen.add(inputs[0].stride())

    teacher.conv.register_forward_pre_hook(note)
    run(module, tmp_path / "run", teacher=teacher, settings={"distillation": {}})
    assert module.seen == {LAST}
    assert seen == {CONTIGUOUS}
    assert "the teacher runs in contiguous memory" in capsys.readouterr().err


class OfBytes(nn.Module):
    """Takes uint8 and makes numbers of them itself."""

    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, x):
        return self.net(x.to(self.net.head.weight.dtype) / 128 - 1)


def test_bytes_come_in_channels_last(tmp_path, capsys):
    module = OfBytes()
    images = torch.randint(256, IMAGES.shape, dtype=torch.uint8)
    run(module, tmp_path / "run", (images, CLASSES))
    assert module.net.seen == {LAST}
    assert "channels_last" not in capsys.readouterr().err


def test_the_layout_changes_rounding_alone(tmp_path, monkeypatch):
    from signbit.train import _own

    one, other = Net(), Net()
    run(one, tmp_path / "one")
    monkeypatch.setattr(_own, "fastest_format", lambda *_: torch.contiguous_format)
    run(other, tmp_path / "other")
    assert other.seen == {CONTIGUOUS}
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


class PowerCut(BaseException):
    """Ends a run like a kill: nothing of ours catches it."""


def test_a_run_in_channels_last_resumes_to_the_same_bits(tmp_path, monkeypatch):
    whole, halves, again = Net(), Net(), Net()
    settings = {"averaging": {"decay": 0.9, "batch_norm_images": 32}}
    run(whole, tmp_path / "whole", settings=settings)
    write = RunRecorder.on_train_epoch_end

    def cut(self, trainer, pl_module):
        write(self, trainer, pl_module)
        if trainer.current_epoch == 0:
            raise PowerCut

    monkeypatch.setattr(RunRecorder, "on_train_epoch_end", cut)
    with pytest.raises(PowerCut):
        run(halves, tmp_path / "halves", settings=settings)
    monkeypatch.setattr(RunRecorder, "on_train_epoch_end", write)
    with torch.no_grad():
        again.conv.weight.zero_()
    run(again, tmp_path / "halves", settings=settings, resume=True)
    assert again.seen == {LAST}
    for (name, ours), theirs in zip(
        whole.state_dict().items(), again.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs), name

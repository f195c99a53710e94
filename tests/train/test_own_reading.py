"""Data sets of other people: pictures and transforms as in torchvision, and items that fail."""

import pickle

import numpy as np
import pytest
import torch
from helpers.own_task import FEATURES, arrays, network, recipe
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, default_collate

from signbit.errors import DataError, UsageError
from signbit.train import train

INPUTS, TARGETS = (torch.from_numpy(one) for one in arrays())


class Pictures:
    """The form of torchvision.datasets.CIFAR10, without its download."""

    def __init__(self, train=True, transform=None, target_transform=None, transforms=None):
        drawn = np.random.default_rng(int(train))
        self.data = drawn.integers(256, size=(40, 8, 8, 3), dtype=np.uint8)
        self.targets = [int(one) for one in drawn.integers(3, size=40)]
        self.transform, self.target_transform = transform, target_transform
        self.transforms = transforms

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        picture, target = Image.fromarray(self.data[index]), self.targets[index]
        if self.transform is not None:
            picture = self.transform(picture)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return (picture, target) if self.transforms is None else self.transforms(picture, target)


def to_tensor(picture):
    """As torchvision's ToTensor: float32 from 0 to 1, channels first."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255


def network_of_pictures():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 3))


def test_pictures_with_transforms_train_as_their_tensors(tmp_path):
    ours, theirs = network_of_pictures(), network_of_pictures()
    data = Pictures(transform=to_tensor, target_transform=lambda target: (target + 1) % 3)
    found = train(ours, data, Pictures(False, to_tensor), recipe(), out=tmp_path / "ours")
    images = torch.from_numpy(data.data).permute(0, 3, 1, 2) / 255
    labels = (torch.tensor(data.targets) + 1) % 3
    train(theirs, (images, labels), (images, labels), recipe(), out=tmp_path / "theirs")
    for one, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other)
    assert "val_accuracy" in found


@pytest.mark.parametrize("workers", [0, 1])
def test_pictures_without_a_transform_are_refused(workers, tmp_path):
    with pytest.raises(UsageError) as caught:
        train(
            network_of_pictures(), Pictures(), None, recipe(), out=tmp_path / "run", workers=workers
        )
    assert "is PIL.Image.Image; give the data set a transform that makes tensors, arrays or nu" in (
        str(caught.value)
    )
    assert "the input of item " in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_pictures_of_validation_need_the_transform_too(tmp_path):
    data = Pictures(transform=to_tensor)
    with pytest.raises(UsageError, match=r"^val_data: .* the input of item 0 is PIL\.Image\.Image"):
        train(network_of_pictures(), data, Pictures(False), recipe(), out=tmp_path / "run")

    def as_bytes(picture):
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1)

    with pytest.raises(
        UsageError, match=r"^val_data: its inputs are torch\.uint8 with 4 axes, but"
    ):
        train(
            network_of_pictures(), data, Pictures(False, as_bytes), recipe(), out=tmp_path / "run"
        )


def mirrored_with_target(picture, target):
    """As a joint transform of torchvision.transforms.v2: a mirrored picture has another class."""
    image = to_tensor(picture)
    return (image.flip(2), (target + 1) % 3) if torch.rand(()) < 0.5 else (image, target)


def test_a_transform_of_picture_and_target_together(tmp_path):
    modules = [network_of_pictures(), network_of_pictures()]
    for workers, module in enumerate(modules):
        data = Pictures(transforms=mirrored_with_target)
        train(module, data, None, recipe(), out=tmp_path / str(workers), workers=workers)
    for one, other in zip(*(module.state_dict().values() for module in modules), strict=True):
        assert torch.equal(one, other)


def mixed_up(samples):
    """As torchvision's MixUp in a collate_fn: shares of classes in place of classes."""
    images, labels = default_collate(samples)
    share, truth = torch.rand(()), F.one_hot(labels, 3).float()
    return share * images + (1 - share) * images.roll(1, 0), (
        share * truth + (1 - share) * truth.roll(1, 0)
    )


def test_shares_of_classes_from_a_collate_fn_train_beside_classes_of_validation(tmp_path):
    loader = DataLoader(Pictures(transform=to_tensor), 20, collate_fn=mixed_up)  # pyright: ignore
    module, held_out = network_of_pictures(), Pictures(False, to_tensor)
    found = train(module, loader, held_out, recipe(), out=tmp_path / "run")
    with torch.no_grad():
        outputs = module(torch.stack([image for image, _ in held_out]))  # pyright: ignore
    wanted = F.cross_entropy(outputs, torch.tensor(held_out.targets))
    assert found["val_loss"] == pytest.approx(wanted.item(), rel=1e-5)
    # Shares are no classes, so nothing counts right answers in training.
    assert "accuracy" not in found


def test_accuracy_of_shares_of_classes_is_refused(tmp_path):
    loader = DataLoader(Pictures(transform=to_tensor), 20, collate_fn=mixed_up)  # pyright: ignore
    settings = recipe(val_size=0)
    with pytest.raises(UsageError, match="metric 'accuracy' needs outputs"):
        train(
            network_of_pictures(), loader, None, settings, out=tmp_path / "r", metrics=["accuracy"]
        )


class Items:
    """Samples that change, or fail, at one place that is not in the first batch."""

    def __init__(self, change, length=96):
        self.change, self.length = change, length

    def __len__(self):
        return self.length

    def __getitem__(self, place):
        sample = INPUTS[place], TARGETS[place]
        return self.change(*sample) if place == 90 else sample


def damaged(one, target):
    raise OSError("image file is truncated\n(4 bytes not processed)")


def shorter(one, target):
    return one[:5], target


def as_text(one, target):
    return one, "cat"


def without_target(one, target):
    return one


def unknown_class(one, target):
    return one, torch.tensor(7)


def infinite(one, target):
    return one / 0, target


FAILING = {
    damaged: (DataError, "item 90 of the data set raised OSError: image file is truncated"),
    shorter: (
        UsageError,
        r"do not form a batch: the input of item \d+ is torch\.float32 \([56],\), but that of item "
        r"\d+ is torch\.float32 \([56],\); give the data set a transform, such as a resize",
    ),
    as_text: (
        UsageError,
        r"the target of item (90 is str|\d+ is torch\.int64 \(\), but that of item 9)",
    ),
    without_target: (UsageError, r"a sample or batch is a Tensor; give a pair \(input, target\)"),
    unknown_class: (
        UsageError,
        "item 90 of the data set: a target is the class 7, but the outputs",
    ),
    infinite: (UsageError, "the inputs of item 90 of the data set hold infinity"),
}


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("change", FAILING, ids=lambda change: change.__name__)
def test_an_item_that_fails_is_named_in_one_line(change, workers, tmp_path):
    kind, message = FAILING[change]
    settings = recipe(val_size=0)
    with pytest.raises(kind, match=message) as caught:
        train(network(), Items(change), None, settings, out=tmp_path / "run", workers=workers)
    assert "\n" not in str(caught.value)


def test_a_length_that_promises_too_much_is_named(tmp_path):
    data = Items(lambda *sample: sample, length=200)
    message = r"^item \d+ of the data set raised IndexError: index \d+ is .*; its len\(\) is 200$"
    with pytest.raises(DataError, match=message):
        train(network(), data, None, recipe(val_size=0), out=tmp_path / "run")


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("change", [damaged, shorter], ids=lambda change: change.__name__)
def test_a_loader_that_fails_is_one_line(change, workers, tmp_path):
    loader = DataLoader(Items(change), 32, num_workers=workers)  # pyright: ignore
    said = "OSError: " if change is damaged else "RuntimeError: "
    with pytest.raises(DataError, match=f"^the data cannot be read, at batch 3 of 3: {said}") as no:
        train(network(), loader, None, recipe(val_size=0), out=tmp_path / "run")
    assert "\n" not in str(no.value)


class NotOurs(TensorDataset):
    """Raises an error of ours, as a data set that uses this package may."""

    def __getitem__(self, index):
        raise DataError(f"{index}.png: no picture")


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_ours_stays_what_it_is(workers, tmp_path):
    items, settings = NotOurs(INPUTS, TARGETS), recipe(val_size=0)
    loader = DataLoader(items, 32, num_workers=workers)
    of_loader = r"DataError: 0\.png: no picture$" if workers else r"^0\.png: no picture$"
    for data, options, said in (
        (items, {"workers": workers}, r"^\d+\.png: no picture$"),
        (loader, {}, of_loader),
    ):
        with pytest.raises(DataError, match=said) as caught:
            train(network(), data, None, settings, out=tmp_path / "run", **options)
        assert "\n" not in str(caught.value)


def test_several_inputs_may_hold_infinity(tmp_path):
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def forward(self, x, mask):
            return self.inner(x * mask.softmax(1))

    mask = torch.zeros(len(INPUTS), FEATURES)
    mask[:, 0] = -torch.inf
    found = train(Masked(), ((INPUTS, mask), TARGETS), None, recipe(epochs=1), out=tmp_path / "run")
    assert np.isfinite(found["loss"])


def test_batches_of_items_can_be_sent_to_workers():
    from signbit.train._item_batches import ItemBatches

    batches = ItemBatches(TensorDataset(INPUTS, TARGETS), torch.arange(10).split(4), 3)
    again = pickle.loads(pickle.dumps(batches))
    assert len(again) == 3
    assert torch.equal(again[2][0], INPUTS[8:10])

"""What every registered loss keeps, and what each computes."""

import numpy as np
import pytest
import torch
from torch import nn

from signbit.errors import UsageError
from signbit.train.losses import Dice, OwnLoss, losses

random = torch.Generator().manual_seed(0)
SCORES = torch.randn(5, 3, 4, 4, generator=random)
CLASSES = torch.randint(3, (5, 4, 4), generator=random)
NUMBERS = torch.rand(5, 3, 4, 4, generator=random)
TARGETS = {"cross_entropy": CLASSES, "dice": CLASSES}


def expected(name):
    """The loss in NumPy, in float64."""
    y = SCORES.double().numpy()
    shares = np.exp(y) / np.exp(y).sum(1, keepdims=True)
    truth = np.eye(3)[CLASSES.numpy()].transpose(0, 3, 1, 2)
    t = NUMBERS.double().numpy()
    axes = (0, 2, 3)
    dice = (2 * (shares * truth).sum(axes) + 1) / ((shares + truth).sum(axes) + 1)
    return {
        "cross_entropy": -(truth * np.log(shares)).sum(1).mean(),
        "bce_with_logits": (np.log1p(np.exp(y)) - t * y).mean(),
        "mse": ((y - t) ** 2).mean(),
        "l1": np.abs(y - t).mean(),
        "dice": 1 - dice.mean(),
    }[name]


@pytest.mark.parametrize("name", losses.names())
def test_a_loss_is_that_of_its_formula_and_has_a_gradient(name):
    loss, outputs = losses.build(name, {}), SCORES.clone().requires_grad_()
    targets = TARGETS.get(name, NUMBERS)
    loss.check(outputs, targets)
    loss.check_values(outputs, targets)
    value = loss(outputs, targets)
    value.backward()
    assert value.item() == pytest.approx(expected(name), rel=1e-6)
    assert outputs.grad is not None
    assert outputs.grad.abs().sum() > 0


def test_dice_of_labels_takes_the_sigmoid():
    masks = (NUMBERS > 0.5).float()
    shares, truth = SCORES.sigmoid().double(), masks.double()
    both, either = (one.sum((0, 2, 3)) for one in (shares * truth, shares + truth))
    wanted = 1 - ((2 * both + 2) / (either + 2)).mean()
    assert Dice(smooth=2)(SCORES, masks).item() == pytest.approx(wanted.item(), rel=1e-6)


@pytest.mark.parametrize("name", losses.names())
@pytest.mark.parametrize(
    ("outputs", "targets", "message"),
    [
        (SCORES, CLASSES[:, :2], r"targets have the shape \(5, 2, 4\)"),
        ([SCORES], CLASSES, "outputs are list; .* a loss of your own"),
        (SCORES, {"a": CLASSES}, "targets are dict; "),
        (SCORES, NUMBERS > 0.5, r"targets are torch\.bool"),
    ],
)
def test_what_does_not_fit_is_one_line(name, outputs, targets, message):
    with pytest.raises(UsageError, match=message) as caught:
        losses.build(name, {}).check(outputs, targets)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "targets", "message"),
    [
        ("cross_entropy", CLASSES + 1, r"a target is the class 3; the outputs score 3 classes"),
        ("cross_entropy", CLASSES - 1, r"a target is the class -1; .* 0 to 2; give the network"),
        ("cross_entropy", CLASSES.int(), r"targets are torch\.int32; .* needs torch\.int64"),
        ("cross_entropy", 2 * NUMBERS, r"targets reach from .*cross_entropy needs 0 to 1"),
        ("dice", CLASSES * 0 - 100, r"a target is the class -100"),
        ("dice", 2 * NUMBERS, r"dice needs 0 to 1"),
        ("bce_with_logits", -NUMBERS, r"bce_with_logits needs 0 to 1"),
    ],
)
def test_targets_out_of_range_are_refused(name, targets, message):
    with pytest.raises(UsageError, match=message):
        losses.build(name, {}).check(SCORES, targets)


def test_places_that_are_not_counted_are_allowed():
    losses.build("cross_entropy", {}).check(SCORES, torch.where(CLASSES == 0, -100, CLASSES))


def test_only_classes_can_be_distilled():
    with pytest.raises(UsageError, match="distillation needs the loss 'cross_entropy'"):
        losses.build("mse", {}).divergence(SCORES, SCORES, 1.0)


def test_a_loss_with_parameters_is_refused():
    with pytest.raises(UsageError, match="the loss Linear has parameters"):
        OwnLoss(nn.Linear(2, 1))

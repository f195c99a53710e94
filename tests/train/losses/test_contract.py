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
TAUGHT = 2 * torch.randn(5, 3, 4, 4, generator=random)
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
        (SCORES, CLASSES[:, :2], r"targets have shape \(5, 2, 4\)"),
        ([SCORES], CLASSES, "outputs are list; .* a function of your own"),
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
        ("cross_entropy", CLASSES + 1, r"a target is the class 3, but the outputs score 3 classes"),
        (
            "cross_entropy",
            CLASSES - 1,
            r"a target is the class -1, but .* 0 to 2; give the network",
        ),
        (
            "cross_entropy",
            CLASSES.int(),
            r"targets are torch\.int32; .* needs classes in torch\.int64",
        ),
        (
            "cross_entropy",
            2 * NUMBERS,
            r"targets are between .*cross_entropy needs numbers from 0 to 1",
        ),
        ("dice", CLASSES * 0 - 100, r"a target is the class -100"),
        ("dice", 2 * NUMBERS, r"dice needs numbers from 0 to 1"),
        ("bce_with_logits", -NUMBERS, r"bce_with_logits needs numbers from 0 to 1"),
    ],
)
def test_targets_out_of_range_are_refused(name, targets, message):
    with pytest.raises(UsageError, match=message):
        losses.build(name, {}).check(SCORES, targets)


def test_places_that_are_not_counted_are_allowed():
    losses.build("cross_entropy", {}).check(SCORES, torch.where(CLASSES == 0, -100, CLASSES))


def kl(p, q):
    return torch.nn.functional.kl_div(q.log(), p, reduction="none")


def distance_in_float64(name, ours, taught, temperature):
    """The distance from a teacher, written otherwise, in float64."""
    t, axes = temperature, (0, 2, 3)
    if name == "cross_entropy":
        return kl((taught / t).softmax(1), (ours / t).softmax(1)).sum(1).mean()
    if name == "bce_with_logits":
        # Two classes: yes with the logit, no with 0.
        yes, told = (torch.stack([one / t, 0 * one]).softmax(0) for one in (ours, taught))
        return kl(told, yes).sum(0).mean()
    if name == "dice":
        # Without |p - t|: a + b - |a - b| = 2 min(a, b).
        p, q = ours.softmax(1), taught.softmax(1)
        both, either = torch.minimum(p, q).sum(axes), (p + q).sum(axes)
        return 1 - ((2 * both + 1) / (either + 1)).mean()
    apart = ours - taught
    return {"mse": apart.square, "l1": apart.abs}[name]().mean()


@pytest.mark.parametrize(
    ("name", "temperature"),
    [
        (name, temperature)
        for name in losses.names()
        for temperature in ((1.0, 4.0) if losses.get(name).softened else (1.0,))
    ],
)
def test_the_distance_from_a_teacher_is_that_of_its_formula(name, temperature):
    loss, targets = losses.build(name, {}), TARGETS.get(name, NUMBERS)
    ours, wanted = SCORES.clone().requires_grad_(), SCORES.double().requires_grad_()
    value = loss.distance(ours, TAUGHT, targets, temperature)
    expected = distance_in_float64(name, wanted, TAUGHT.double(), temperature)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    value.backward()
    expected.backward()
    assert ours.grad is not None
    assert wanted.grad is not None
    torch.testing.assert_close(ours.grad.double(), wanted.grad, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", losses.names())
def test_nothing_is_nearer_to_a_teacher_than_its_own_outputs(name):
    loss, targets = losses.build(name, {}), TARGETS.get(name, NUMBERS)
    assert loss.distance(TAUGHT, TAUGHT, targets, 1.0).item() == pytest.approx(0, abs=1e-6)
    for step in (0.1, -0.1):
        for place in range(TAUGHT[0].numel()):
            moved = TAUGHT.clone()
            moved[0].view(-1)[place] += step
            assert loss.distance(moved, TAUGHT, targets, 1.0) > 0


def test_the_distance_of_dice_is_the_loss_for_a_teacher_that_is_sure():
    sure = 1000 * torch.nn.functional.one_hot(CLASSES, 3).movedim(-1, 1).float()
    assert Dice().distance(SCORES, sure, CLASSES, 1).item() == pytest.approx(
        Dice()(SCORES, CLASSES).item(), rel=1e-6
    )
    masks = (NUMBERS > 0.5).float()
    assert Dice().distance(SCORES, 1000 * (2 * masks - 1), masks, 1).item() == pytest.approx(
        Dice()(SCORES, masks).item(), rel=1e-6
    )


def test_the_distance_of_sure_labels_is_finite_with_a_gradient():
    ours = torch.tensor([[-300.0, 300.0, 0.0]]).requires_grad_()
    taught = torch.tensor([[300.0, 300.0, -300.0]])
    loss = losses.build("bce_with_logits", {})
    value = loss.distance(ours, taught, torch.ones(1, 3), 1.0)
    value.backward()
    assert value.item() == pytest.approx((300 + np.log(2)) / 3)
    assert ours.grad is not None
    torch.testing.assert_close(ours.grad, torch.tensor([[-1, 0, 0.5]]) / 3)


def test_a_teacher_is_not_heard_where_a_place_is_not_counted():
    loss = losses.build("cross_entropy", {})
    left_out = torch.where(CLASSES == 0, -100, CLASSES)
    kept = (CLASSES != 0)[:, None].expand_as(SCORES)
    rows = [one.movedim(1, -1)[CLASSES != 0] for one in (SCORES, TAUGHT)]
    wanted = loss.distance(*rows, CLASSES[CLASSES != 0], 2.0)
    apart = torch.where(kept, TAUGHT, 100 * TAUGHT)
    torch.testing.assert_close(loss.distance(SCORES, apart, left_out, 2.0), wanted)


def test_a_function_has_no_distance_from_a_teacher():
    with pytest.raises(UsageError, match="a loss of your own has no distance from a teacher; give"):
        OwnLoss(nn.L1Loss()).distance(SCORES, SCORES, NUMBERS, 1.0)


def test_a_loss_with_parameters_is_refused():
    with pytest.raises(UsageError, match="the loss Linear has parameters"):
        OwnLoss(nn.Linear(2, 1))

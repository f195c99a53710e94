import pytest
import torch
import torch.nn.functional as F

from signbit.train._objective import Objective
from signbit.train.losses import CrossEntropy
from signbit.train.recipe import Distillation

PLAIN = CrossEntropy()


def training_loss(outputs, labels, loss, taught=None, distillation=None):
    return Objective(loss, {}, distillation).training_loss(outputs, labels, taught)


def batch(seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(8, 5, generator=random), torch.randint(5, (8,), generator=random)


def test_without_settings_it_is_cross_entropy_of_logits_and_of_log_probabilities():
    logits, labels = batch()
    expected = F.cross_entropy(logits, labels)
    torch.testing.assert_close(training_loss(logits, labels, PLAIN), expected)
    log_probabilities = F.log_softmax(logits, dim=1)
    torch.testing.assert_close(training_loss(log_probabilities, labels, PLAIN), expected)


def test_the_scale_acts_on_log_probabilities_as_on_logits():
    logits, labels = batch()
    scaled = training_loss(F.log_softmax(logits, dim=1), labels, CrossEntropy(logit_scale=3))
    torch.testing.assert_close(scaled, F.cross_entropy(3 * logits, labels))


def test_smoothing_spreads_its_share_over_all_classes():
    logits, labels = batch()
    target = 0.9 * F.one_hot(labels, 5) + 0.1 / 5
    expected = -(target * F.log_softmax(logits, dim=1)).sum(1).mean()
    loss = training_loss(logits, labels, CrossEntropy(label_smoothing=0.1))
    torch.testing.assert_close(loss, expected)


def test_validation_is_not_smoothed():
    logits, labels = batch()
    settings = CrossEntropy(label_smoothing=0.5, logit_scale=2)
    expected = F.cross_entropy(2 * logits, labels)
    loss = Objective(settings, {}).validation_loss(logits, labels)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize(("temperature", "weight"), [(1.0, 1.0), (4.0, 0.3)])
def test_distillation_is_that_of_the_formula(temperature, weight):
    (logits, labels), (taught, _) = batch(), batch(1)
    settings = CrossEntropy(logit_scale=2)
    theirs = (taught / temperature).softmax(1)
    ours = (2 * logits / temperature).softmax(1)
    divergence = (theirs * (theirs / ours).log()).sum(1).mean()
    expected = (1 - weight) * F.cross_entropy(2 * logits, labels)
    expected = expected + weight * temperature**2 * divergence
    distillation = Distillation(temperature=temperature, weight=weight)
    loss = training_loss(F.log_softmax(logits, dim=1), labels, settings, taught, distillation)
    torch.testing.assert_close(loss, expected)


def test_a_student_that_agrees_with_its_teacher_has_nothing_to_learn_from_it():
    logits, labels = batch()
    alone = Distillation(temperature=2, weight=1)
    loss = training_loss(logits, labels, PLAIN, logits, alone)
    torch.testing.assert_close(loss, torch.zeros(()), atol=1e-6, rtol=0)

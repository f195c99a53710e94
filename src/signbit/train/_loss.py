"""The loss of training."""

import torch.nn.functional as F
from torch import Tensor

from signbit.train.recipe import Distillation, Loss


def label_loss(outputs: Tensor, labels: Tensor, settings: Loss, smoothing: float) -> Tensor:
    """Mean cross-entropy of the labels under softmax(logit_scale * outputs).

    Outputs may be logits or log-probabilities: softmax(s * log_softmax(z)) = softmax(s * z).

    Shape:  (N, classes) and (N,) int64 to a scalar.
    """
    return F.cross_entropy(settings.logit_scale * outputs, labels, label_smoothing=smoothing)


def training_loss(
    outputs: Tensor,
    labels: Tensor,
    settings: Loss,
    taught: Tensor | None = None,
    distillation: Distillation | None = None,
) -> Tensor:
    """The loss of a batch: that of the labels, mixed with that of a teacher where there is one.

    (1 - w) CE + w T^2 KL(softmax(taught / T) || softmax(s * outputs / T)). The factor T^2 keeps the
    size of the gradient when the temperature grows.

    taught: the teacher's logits, times its own logit scale.

    Source: arXiv:1503.02531.
    """
    loss = label_loss(outputs, labels, settings, settings.label_smoothing)
    if taught is None or distillation is None:
        return loss
    temperature, weight = distillation.temperature, distillation.weight
    ours = F.log_softmax(settings.logit_scale / temperature * outputs, dim=1)
    theirs = F.log_softmax(taught / temperature, dim=1)
    divergence = F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
    return (1 - weight) * loss + weight * temperature**2 * divergence

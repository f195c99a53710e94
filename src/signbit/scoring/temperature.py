"""Temperature scaling: probabilities of a packed network that mean what they say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data import Samples
from signbit.errors import UsageError
from signbit.format import Output, PackedModel
from signbit.passes.temperature import logits_node, output_of_classes, with_temperature
from signbit.runtime.engine import Engine
from signbit.runtime.samples import Samples as Arrays
from signbit.scoring.calibration import (
    checked_scores,
    expected_calibration_error,
    negative_log_likelihood,
)

MOST = 1000.0
# Each halves an interval that is 14 wide at first.
_HALVINGS = 48
_BATCH = 1024


def find_temperature(scores: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The temperature T for which softmax(scores / T) makes the labels likeliest.

    The negative log-likelihood is convex in 1 / T, so its derivative has one zero. It is found by
    bisection over log T.

    Shape:  scores (N, classes), logits or log-probabilities, and labels (N,).
    Raises: UsageError for other shapes and labels, no samples, infinite scores, and where no T from
        1/1000 to 1000 is best: for example if all answers are right. CheckpointError for a score
        that is NaN.
    Source: Guo et al., On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    scores, labels = checked_scores(scores, labels)
    if not len(scores):
        raise UsageError("no samples; give one or more to calibrate with")
    if not np.isfinite(scores).all():
        raise UsageError("infinite scores; their probabilities are 0 and 1 at any temperature")
    wide = scores.astype(np.float64)
    # Differences to the true class, so that the derivative loses no digits.
    wide -= wide[np.arange(len(labels)), labels][:, None]
    low, high = -np.log(MOST), np.log(MOST)
    _require_between(wide, low, high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _slope(wide, middle) > 0:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def calibrated(
    model: PackedModel,
    inputs: Arrays,
    labels: NDArray[np.int64],
    output: str | None = None,
    threads: int = 1,
) -> PackedModel:
    """The packed network with its scores divided by the temperature that suits held-out data.

    The classes stay the same, but for scores that only rounding tells apart. In the result,
    `info["calibration"]` has the `temperature`, the number of `images`, and `ece` and `nll`, each
    `before` and `after`, on the same data: the expected calibration error and the mean negative
    log-likelihood. Use data that the network was not trained on, and measure on other data again.

    inputs: what the network takes, as the engine takes it; images as (N, H, W, C) uint8.
    labels: (N,) numbers of classes; of a map of classes (N, length) or (N, height, width), -1 where
        a place is not counted.
    output: the name of the output of classes; None where there is one alone.

    Raises: as `find_temperature` and `Engine.__call__`; UsageError for a network that gives no
        classes, that is calibrated already, or whose scores would overflow.
    """
    if "calibration" in model.info:
        raise UsageError("the network is calibrated already; give the one that was packed first")
    chosen = output_of_classes(model, output)
    scores = _logits(model, chosen, inputs, threads)
    flat = _one_each(scores, np.asarray(labels))
    counted = flat >= 0 if chosen.rank > 1 else np.full(len(flat), True)
    flat, before = flat[counted], scores.reshape(len(flat), -1)[counted]
    temperature = find_temperature(before, flat)
    result = with_temperature(model, chosen, temperature)
    scores = _logits(result, output_of_classes(result, chosen.name), inputs, threads)
    after = scores.reshape(len(counted), -1)[counted]
    if not np.isfinite(after).all():
        raise UsageError(f"scores divided by {temperature:.3g} pass the range of float32")
    facts = {
        "temperature": temperature,
        "images": len(labels),
        "ece": _before_and_after(expected_calibration_error, before, after, flat),
        "nll": _before_and_after(negative_log_likelihood, before, after, flat),
    }
    return replace(result, info={**result.info, "calibration": facts})


def gathered(samples: Samples, output: str) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """The inputs of all samples, by their names, and the true classes of an output.

    Raises: UsageError where the samples have no true classes; the errors of reading them.
    """
    if output not in samples.targets:
        raise UsageError(f"{samples.name} has no true answers for output {output!r}")
    batches = list(samples.batches(_BATCH))
    if not batches:
        raise UsageError(f"{samples.name} has no samples")
    names = batches[0].inputs
    inputs = {name: np.concatenate([one.inputs[name] for one in batches]) for name in names}
    return inputs, np.concatenate([one.targets[output] for one in batches])


def _logits(
    model: PackedModel, output: Output, inputs: Arrays, threads: int
) -> NDArray[np.floating]:
    """The logits of an output, (N, ..., classes)."""
    return Engine(model, threads).features(inputs, logits_node(model, output))


def _one_each(scores: NDArray[np.floating], labels: NDArray[Any]) -> NDArray[Any]:
    """The labels in one row, one for each row of scores. Raises: UsageError for another shape."""
    sides, given = (
        [side for side in one if side != 1] for one in (scores.shape[1:-1], labels.shape[1:])
    )
    if given != sides or labels.shape[:1] != scores.shape[:1]:
        wanted = ", ".join(map(str, (len(scores), *sides)))
        raise UsageError(f"labels have shape {labels.shape}; give ({wanted})")
    return labels.reshape(-1)


def _before_and_after(
    figure: Callable[[Any, Any], float], before: Any, after: Any, labels: Any
) -> dict[str, float]:
    return {"before": figure(before, labels), "after": figure(after, labels)}


def _slope(differences: NDArray[np.float64], log_temperature: float) -> float:
    """Minus the derivative of the negative log-likelihood by log T, of which only the sign counts.

    differences: of each score to that of the true class. Their mean, weighed by probability, is
        the derivative by 1 / T.
    """
    scaled = differences * np.exp(-log_temperature)
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return float((powers * differences).sum(axis=1).mean())


def _require_between(differences: NDArray[np.float64], low: float, high: float) -> None:
    """Raises: UsageError where the best temperature is not within the bounds."""
    if _slope(differences, high) >= 0:
        raise UsageError(
            f"no temperature from 1/{MOST:g} to {MOST:g} suits {len(differences)} samples: "
            "the scores say no more than chance; are the labels those of the data?"
        )
    if _slope(differences, low) <= 0:
        raise UsageError(
            f"no temperature from 1/{MOST:g} to {MOST:g} suits {len(differences)} samples: "
            "nearly all answers are right; give more data, or data that the network has not seen"
        )

"""Temperature scaling, which corrects the probabilities of a packed network."""

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
# Each step halves an interval whose first length is 14.
_HALVINGS = 48
_BATCH = 1024


def find_temperature(scores: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The temperature T for which softmax(scores / T) gives the labels the highest likelihood.

    The negative log-likelihood is convex in 1 / T, so its derivative has one zero, which is found
    by bisection over log T.

    scores: logits or log-probabilities.
    labels: the true classes, from 0 to classes - 1.

    Shape:  scores (N, classes), labels (N,).
    Range:  1/1000 to 1000.
    Raises: UsageError for other shapes and labels, for no samples, for infinite scores, and where
        no T in the range is best, for example because all answers are right; CheckpointError for a
        score that is NaN.
    Source: Guo et al., On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    scores, labels = checked_scores(scores, labels)
    if not len(scores):
        raise UsageError("no samples; give one or more to calibrate with")
    if not np.isfinite(scores).all():
        raise UsageError(
            "infinite scores, whose probabilities are 0 and 1 at any temperature; give finite "
            "scores"
        )
    wide = scores.astype(np.float64)
    # With differences to the true class, the derivative loses no digits.
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
    """The packed network, with its scores divided by the temperature that suits some data best.

    Use data that the network was not trained on, and measure the result on other data. The
    predicted classes stay the same, except where two scores differ only by rounding. In the result,
    `info["calibration"]` has the `temperature`, the number of `images`, and `ece` (expected
    calibration error) and `nll` (mean negative log-likelihood), each `before` and `after`, on the
    given data.

    inputs: the inputs, in the form that the engine accepts, such as images (N, H, W, C) uint8.
    labels: the true classes, (N,). For a map or a sequence of classes they are (N, height, width)
        or (N, length), with -1 where a place is not counted.
    output: the name of the output of classes; None if there is only one.
    threads: number of threads of the engine.

    Raises: the errors of `find_temperature` and `Engine.__call__`; UsageError for a network that
        returns no classes, that is calibrated already, or whose scores would overflow.
    """
    if "calibration" in model.info:
        raise UsageError("the network is calibrated already; give the network before calibration")
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
        raise UsageError(
            f"scores divided by {temperature:.3g} exceed the range of float32; scale them down "
            "before packing"
        )
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
        raise UsageError(
            f"{samples.name} has no true answers for output {output!r}; give their column or array "
            "with --target"
        )
    batches = list(samples.batches(_BATCH))
    if not batches:
        raise UsageError(f"{samples.name} has no samples; give one or more")
    names = batches[0].inputs
    inputs = {name: np.concatenate([one.inputs[name] for one in batches]) for name in names}
    return inputs, np.concatenate([one.targets[output] for one in batches])


def _logits(
    model: PackedModel, output: Output, inputs: Arrays, threads: int
) -> NDArray[np.floating]:
    """The logits of an output, (N, ..., classes)."""
    return Engine(model, threads).features(inputs, logits_node(model, output))


def _one_each(scores: NDArray[np.floating], labels: NDArray[Any]) -> NDArray[Any]:
    """The labels as one axis, one for each row of scores. Raises: UsageError for another shape."""
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
    """A number with the sign of minus the derivative of the negative log-likelihood by log T.

    differences: the difference of each score to that of the true class. Their mean, weighted by
        probability, is the derivative by 1 / T.
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
            "the scores are no better than chance; check that the labels belong to the data"
        )
    if _slope(differences, low) <= 0:
        raise UsageError(
            f"no temperature from 1/{MOST:g} to {MOST:g} suits {len(differences)} samples: "
            "nearly all answers are right; give more data, or data that the network has not seen"
        )

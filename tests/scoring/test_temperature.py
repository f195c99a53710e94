import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from helpers.files import ends, small
from scipy.optimize import minimize_scalar

from signbit.errors import CheckpointError, UsageError
from signbit.format import Input, Node, Output, PackedModel, Signature
from signbit.runtime.engine import Engine
from signbit.runtime.samples import random_inputs
from signbit.scoring.calibration import expected_calibration_error, negative_log_likelihood
from signbit.scoring.temperature import calibrated, find_temperature


def drawn(temperature, count=4000, classes=5, seed=0):
    """Scores whose softmax at that temperature gives the probabilities that labels come from."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(0, 3, (count, classes)).astype(np.float32)
    noise = generator.gumbel(size=scores.shape)
    return scores, (scores / temperature + noise).argmax(axis=1)


def likelihood(scores, labels, temperature):
    return torch.nn.functional.cross_entropy(
        torch.from_numpy(scores).double() / temperature, torch.from_numpy(labels)
    ).item()


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1, 3, 20])
def test_the_temperature_is_the_one_that_another_minimizer_finds(temperature):
    scores, labels = drawn(temperature)
    found = find_temperature(scores, labels)
    best: Any = minimize_scalar(
        lambda log: likelihood(scores, labels, np.exp(log)), bounds=(-6, 6), method="bounded",
        options={"xatol": 1e-9},
    )  # fmt: skip
    assert found == pytest.approx(np.exp(best.x), rel=1e-5)
    assert found == pytest.approx(temperature, rel=0.3)
    for other in (found * 1.001, found / 1.001):
        assert likelihood(scores, labels, found) < likelihood(scores, labels, other)


def test_scores_may_be_log_probabilities():
    scores, labels = drawn(2)
    logs = torch.log_softmax(torch.from_numpy(scores).double(), 1).numpy()
    assert find_temperature(logs, labels) == pytest.approx(find_temperature(scores, labels))


def test_large_scores_do_not_overflow():
    scores, labels = drawn(2)
    large = scores.astype(np.float64) * 400
    assert find_temperature(large, labels) == pytest.approx(400 * find_temperature(scores, labels))


def test_what_has_no_best_temperature_is_refused():
    right = np.eye(3, dtype=np.float32)
    with pytest.raises(UsageError, match="nearly all answers are right"):
        find_temperature(right, np.arange(3))
    with pytest.raises(UsageError, match="no better than chance"):
        find_temperature(right, np.array([1, 2, 0]))
    with pytest.raises(UsageError, match="no better than chance"):
        find_temperature(np.zeros((3, 2)), np.array([1, 0, 0]))
    with pytest.raises(UsageError, match="infinite scores"):
        find_temperature(np.full((1, 2), np.inf), np.array([0]))
    with pytest.raises(UsageError, match="no samples"):
        find_temperature(np.zeros((0, 2)), np.zeros(0, int))
    with pytest.raises(CheckpointError, match="NaN"):
        find_temperature(np.full((1, 2), np.nan), np.array([0]))


def labelled(model, count=200, seed=1):
    """Samples of noise, and labels that agree with the network's answers half of the time."""
    given = random_inputs(model, count, seed)
    engine, generator = Engine(model), np.random.default_rng(seed)
    labels = engine.classify(given)
    classes = model.types[model.outputs[0].node].channels
    other = generator.integers(0, classes, labels.shape)
    return given, np.where(generator.random(labels.shape) < 0.5, labels, other)


@pytest.mark.parametrize("build", [small, ends])
def test_a_calibrated_network_has_the_same_classes_and_likelier_labels(build):
    model = build()
    given, labels = labelled(model)
    result = calibrated(model, given, labels, threads=2)
    facts = result.info["calibration"]
    before, after = (Engine(one).scores(given) for one in (model, result))
    np.testing.assert_allclose(after, before / facts["temperature"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(after.argmax(1), before.argmax(1))
    assert facts["temperature"] == find_temperature(before, labels)
    assert facts["images"] == len(labels)
    assert facts["nll"] == {
        "before": negative_log_likelihood(before, labels),
        "after": negative_log_likelihood(after, labels),
    }
    assert facts["ece"] == {
        "before": expected_calibration_error(before, labels),
        "after": expected_calibration_error(after, labels),
    }
    assert facts["nll"]["after"] < facts["nll"]["before"]
    assert find_temperature(after, labels) == pytest.approx(1, rel=1e-4)
    assert {key: value for key, value in result.info.items() if key != "calibration"} == model.info
    json.dumps(facts, allow_nan=False)


def test_probabilities_of_a_softmax_at_the_end_are_calibrated():
    nodes = small().nodes
    model = PackedModel([*nodes, Node("softmax", (5,))], small().preprocessing)
    given, labels = labelled(model)
    result = calibrated(model, given, labels)
    # A probability may be too small for float32; then its logarithm would be infinite.
    assert result.info["calibration"] == calibrated(small(), given, labels).info["calibration"]
    np.testing.assert_allclose(Engine(result).scores(given).sum(axis=1), 1, rtol=1e-5)


def test_a_map_of_classes_is_calibrated_over_its_positions():
    one = {"scale": np.array([3, -3], np.float32), "bias": np.zeros(2, np.float32)}
    signature = Signature([Input.numbers("x", (4, 5, 2))], [Output("map", "classes", 1, 3)])
    model = PackedModel([Node("affine", (0,), {}, one)], signature)
    given, labels = labelled(model)
    assert labels.shape == (200, 4, 5)
    result = calibrated(model, given, labels)
    scores = Engine(model).scores(given).reshape(-1, 2)
    facts = result.info["calibration"]
    assert facts["temperature"] == find_temperature(scores, labels.reshape(-1))
    assert facts["images"] == 200
    voids = np.where(np.arange(5) < 4, labels, -1)
    kept = voids.reshape(-1) >= 0
    wanted = find_temperature(scores[kept], voids.reshape(-1)[kept])
    assert calibrated(model, given, voids).info["calibration"]["temperature"] == wanted
    with pytest.raises(UsageError, match=r"labels have shape \(200, 5, 4\); give \(200, 4, 5\)"):
        calibrated(model, given, labels.transpose(0, 2, 1))


def test_what_cannot_be_calibrated_is_refused():
    model = small()
    given, labels = labelled(model)
    with pytest.raises(UsageError, match="is calibrated already"):
        calibrated(calibrated(model, given, labels), given, labels)
    with pytest.raises(UsageError, match=r"labels have shape \(199,\); give \(200\)"):
        calibrated(model, given, labels[1:])
    with pytest.raises(UsageError, match="no output of classes with the name 'x'"):
        calibrated(model, given, labels, output="x")
    with pytest.raises(UsageError, match="label -1 of image 0"):
        calibrated(model, given, np.full(200, -1))


def test_scores_that_overflow_are_refused():
    # Small differences between two classes ask for a low temperature; the third is far below.
    one = {
        "scale": np.array([0.01, 0.01, 0], np.float32),
        "bias": np.array([0, 0, -3e38], np.float32),
    }
    signature = Signature([Input.numbers("x", (3,))], [Output("scores", "classes", 1)])
    model = PackedModel([Node("affine", (0,), {}, one)], signature)
    given, labels = labelled(model)
    with pytest.raises(UsageError, match=r"scores divided by 0\.0\d+ exceed the range of float32"):
        calibrated(model, given, labels.clip(max=1))


def test_calibration_needs_no_torch():
    code = "import sys, signbit.scoring.temperature; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

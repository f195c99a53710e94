"""Measure a network on a data set with labels, or classify image files. Needs no torch."""

from signbit.scoring._counts import Classification, ClassificationCounter
from signbit.scoring._evaluate import (
    Classifier,
    Evaluation,
    class_names,
    evaluate,
    numbered,
    score_count,
)
from signbit.scoring._predict import Prediction, PredictionTally, Unreadable, predict

__all__ = [
    "Classification",
    "ClassificationCounter",
    "Classifier",
    "Evaluation",
    "Prediction",
    "PredictionTally",
    "Unreadable",
    "class_names",
    "evaluate",
    "numbered",
    "predict",
    "score_count",
]

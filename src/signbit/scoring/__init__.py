"""Measure a network on data with true answers, or predict for files. torch is not needed."""

from signbit.scoring._answers import (
    Answer,
    Answerer,
    ClassAnswer,
    LabelAnswer,
    MapAnswer,
    NumberAnswer,
)
from signbit.scoring._class_maps import write_class_map, write_overlay
from signbit.scoring._counts import Classification, ClassificationCounter
from signbit.scoring._evaluate import (
    Classifier,
    Evaluation,
    class_names,
    evaluate,
    numbered,
    score_count,
)
from signbit.scoring._labels import LabelCounter, average_precision
from signbit.scoring._maps import MapCounter
from signbit.scoring._measure import Measurement, measure
from signbit.scoring._numbers import NumberCounter
from signbit.scoring._open_samples import (
    TABLES,
    file_reader,
    is_file_of_samples,
    open_file,
    open_samples,
    targets_of,
)
from signbit.scoring._predict import Prediction, PredictionTally, Unreadable, predict

__all__ = [
    "TABLES",
    "Answer",
    "Answerer",
    "ClassAnswer",
    "Classification",
    "ClassificationCounter",
    "Classifier",
    "Evaluation",
    "LabelAnswer",
    "LabelCounter",
    "MapAnswer",
    "MapCounter",
    "Measurement",
    "NumberAnswer",
    "NumberCounter",
    "Prediction",
    "PredictionTally",
    "Unreadable",
    "average_precision",
    "class_names",
    "evaluate",
    "file_reader",
    "is_file_of_samples",
    "measure",
    "numbered",
    "open_file",
    "open_samples",
    "predict",
    "score_count",
    "targets_of",
    "write_class_map",
    "write_overlay",
]

"""The facts about a trained network."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import mean, stdev
from typing import Any


@dataclass(frozen=True)
class Card:
    """How a network of the zoo was trained, and the accuracy that it reaches.

    name: the network's name in the zoo.
    model: name and options of the architecture.
    recipe: all settings of the training.
    data: the name of the data set.
    held_out: how many training images were not used for the training.
    images: how many test images were scored, each once and without augmentation.
    epochs: how many epochs the training took.
    seed: the seed of the run that the file holds.
    top1, top5: the accuracies of that run after its last epoch, from 0 to 1. The engine gives
        exactly the same figures.
    top1_by_seed: the top-1 accuracy of each run with this recipe, this run included.
    hardware: the machine of the training.
    seconds: the time of one run's training epochs on that machine, without validation.
    date: the date of the run, ISO 8601.
    commit: the commit of the code.
    licence: the licence of the file.
    file_bytes: the size of the file.
    commands: the commands that make the file again.
    teacher: the network that this one was distilled from, on the same data: its `model`, its
        `recipe` and its `val_accuracy` on the images held out there (None if there were none).
        None without a teacher.
    """

    name: str
    model: Mapping[str, Any]
    recipe: Mapping[str, Any]
    data: str
    held_out: int
    images: int
    epochs: int
    seed: int
    top1: float
    top5: float
    top1_by_seed: Mapping[str, float]
    hardware: str
    seconds: float
    date: str
    commit: str
    licence: str
    file_bytes: int
    commands: tuple[str, ...]
    teacher: Mapping[str, Any] | None = None

    @property
    def top1_mean(self) -> float:
        """The mean of the top-1 accuracies over the seeds, from 0 to 1."""
        return mean(self.top1_by_seed.values())

    @property
    def top1_spread(self) -> float | None:
        """The sample standard deviation of the top-1 accuracies; None for a single seed."""
        values = list(self.top1_by_seed.values())
        return stdev(values) if len(values) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """The fields as values of JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Card":
        """The inverse of `to_dict`."""
        return cls(**{**fields, "commands": tuple(fields["commands"])})

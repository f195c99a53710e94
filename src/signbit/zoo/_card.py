"""What is to know about a trained network."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import mean, stdev
from typing import Any


@dataclass(frozen=True)
class Card:
    """How a network of the zoo was trained, and what it gets.

    model: name and options of the architecture; recipe: all settings of the training.
    data: the data set; its training images, but for `held_out` ones, trained the network, and its
        `images` test images, each seen once as it is, gave the accuracies of the last epoch.
    seed: of the run that the file holds; top1, top5: its accuracies, 0 to 1, which the engine
        gives to the last digit.
    top1_by_seed: of all runs with this recipe, this one's included.
    hardware; seconds: on it, of a run's training epochs, without validation.
    date: of the run, ISO 8601. commit: of the code.
    commands: what makes the file again.
    teacher: of the network that it was distilled from, on the same data: `model`, `recipe`, and
        `val_accuracy` on the images held out there, None for none. None without a teacher.
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
        """Over the seeds."""
        return mean(self.top1_by_seed.values())

    @property
    def top1_spread(self) -> float | None:
        """Sample standard deviation over the seeds; None for a single one."""
        values = list(self.top1_by_seed.values())
        return stdev(values) if len(values) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Card":
        """The inverse of `to_dict`."""
        return cls(**{**fields, "commands": tuple(fields["commands"])})

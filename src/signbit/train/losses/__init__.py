"""Losses. `train` accepts the name of a loss, a loss object, or any function."""

from signbit.train.losses._base import AbstractLoss, losses
from signbit.train.losses._checks import IGNORED
from signbit.train.losses._own import OwnLoss
from signbit.train.losses.bce_with_logits import BceWithLogits
from signbit.train.losses.cross_entropy import CrossEntropy
from signbit.train.losses.dice import Dice
from signbit.train.losses.l1 import L1
from signbit.train.losses.mse import Mse

__all__ = [
    "IGNORED",
    "L1",
    "AbstractLoss",
    "BceWithLogits",
    "CrossEntropy",
    "Dice",
    "Mse",
    "OwnLoss",
    "losses",
]

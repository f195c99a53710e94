"""A trained network with everything that is needed to run it on pixels."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from signbit.errors import UsageError
from signbit.format import Preprocessing
from signbit.models._input import to_input
from signbit.models._registry import Architecture


@dataclass(frozen=True)
class TrainedModel:
    """A module in eval mode, its architecture and its preprocessing.

    module: the network.
    architecture: its name and options.
    preprocessing: how pixels become its input.
    source: the file that it was read from.
    info: further facts of the file: data set, recipe, metrics of its epoch.
    notes: decisions made while the file was read that change the scores, one line each.
    """

    module: nn.Module
    architecture: Architecture
    preprocessing: Preprocessing
    source: Path
    info: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @torch.inference_mode()
    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on images, on the device of its parameters.

        Shape:  (N, H, W, C) uint8 to (N, classes) float32.
        Raises: UsageError if dtype, rank or size of the images do not fit the network.
        """
        height, width = self.preprocessing.size
        expected = (height, width, self.preprocessing.channels)
        if pixels.dtype != np.uint8 or pixels.shape[1:] != expected:
            raise UsageError(
                f"images are {pixels.dtype} of shape {pixels.shape}; the network accepts uint8 "
                f"of shape (N, {height}, {width}, {expected[2]})"
            )
        device = next(self.module.parameters()).device
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
        return self.module(to_input(batch, self.preprocessing)).float().cpu().numpy()

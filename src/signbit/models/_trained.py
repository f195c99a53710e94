"""A trained network with all that is needed to run it on pixels."""

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

    source: the file it came from.
    info: what else the file says: data set, recipe, metrics of its epoch.
    notes: what was decided in reading the file that changes its scores, a line each.
    """

    module: nn.Module
    architecture: Architecture
    preprocessing: Preprocessing
    source: Path
    info: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @torch.inference_mode()
    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on images, on the device that it is on.

        Shape:  (N, H, W, C) uint8 to (N, classes) float32.
        Raises: UsageError where dtype, rank or size are not those of the network.
        """
        height, width = self.preprocessing.size
        expected = (height, width, self.preprocessing.channels)
        if pixels.dtype != np.uint8 or pixels.shape[1:] != expected:
            raise UsageError(
                f"images are {pixels.dtype} of shape {pixels.shape}; the network takes uint8 "
                f"of shape (N, {height}, {width}, {expected[2]})"
            )
        device = next(self.module.parameters()).device
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
        return self.module(to_input(batch, self.preprocessing)).float().cpu().numpy()

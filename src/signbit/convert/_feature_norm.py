"""Batch norm for the input of a linear layer, whatever axes come before the features."""

from torch import Tensor, nn


class FeatureNorm(nn.BatchNorm1d):
    """Batch norm of each feature over all other axes.

    `nn.BatchNorm1d` treats the second axis of (N, T, features) as the features. That raises an
    error, or normalizes the wrong axis if T equals the number of features.

    Shape:  (..., features) to the same.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalize the last axis."""
        if input.ndim == 2:
            return super().forward(input)
        rows = input.reshape(-1, input.shape[-1])
        return super().forward(rows).reshape(input.shape)

"""Layers that compute what no layer of this package does."""

import torch
import torch.nn.functional as F
from torch import nn


class InputScaled(nn.Conv2d):
    """XNOR-Net with its scale of activations: another number at each place."""

    def forward(self, x):
        k = F.avg_pool2d(x.abs().mean(1, keepdim=True), 3, 1, 1)
        alpha = self.weight.abs().mean((1, 2, 3), keepdim=True)
        return self._conv_forward(x.sign(), self.weight.sign() * alpha, None) * k


class Stochastic(nn.Conv2d):
    def forward(self, x):
        probability = ((x + 1) / 2).clamp(0, 1)
        x = torch.where(torch.rand_like(x) < probability, 1.0, -1.0)
        return self._conv_forward(x, self.weight.sign(), self.bias)


class OfTheBatch(nn.Conv2d):
    def forward(self, x):
        return self._conv_forward((x - x.mean()).sign(), self.weight.sign(), self.bias)


class Ternary(nn.Conv2d):
    def forward(self, x):
        limit = 0.7 * self.weight.abs().mean()
        weight = self.weight.sign() * (self.weight.abs() > limit)
        return self._conv_forward(x.sign(), weight, self.bias)


class Threshold(nn.Conv2d):
    def forward(self, x):
        return self._conv_forward((x - 0.3).sign(), self.weight.sign(), self.bias)


class Drifting(nn.Conv2d):
    """Its weights are others after each call."""

    def forward(self, x):
        self.weight.data = (self.weight.data + 0.1).clamp(-1, 1)
        return self._conv_forward(x.sign(), self.weight.sign(), self.bias)


class LargestScale(nn.Conv2d):
    def forward(self, x):
        largest = self.weight.abs().amax((1, 2, 3), keepdim=True)
        return self._conv_forward(x.sign(), self.weight.sign() * largest, self.bias)

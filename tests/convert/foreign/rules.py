"""One layer after every published rule, its parts chosen: what order, which zero, which scale."""

import torch
import torch.nn.functional as F
from torch import nn

INPUTS = ("real", "minus", "plus", "three")
CENTRES = (None, (1,), (1, 2, 3), (0, 1, 2, 3))
SCALES = ("none", "before", "centred", "clipped", "standardized", "power", "learned", "both")
BIASES = ("none", "after", "signed", "inside")


def sign(x, how):
    if how == "real":
        return x
    if how == "three":
        return x.sign()
    return ((x >= 0) if how == "plus" else (x > 0)).float() * 2 - 1


class AnyConv(nn.Module):
    def __init__(
        self, inputs, outputs, taps=(3, 3), *, step=1, rim=0, spread=1, parts=1, taken="three",
        weighed="three", centre=None, scale="none", whole=False, bias="none", rim_value=None,
    ):  # fmt: skip
        super().__init__()
        self.latent = nn.Parameter(torch.randn(outputs, inputs // parts, *taps) * 0.7 + 0.1)
        self.alpha = nn.Parameter(torch.randn(outputs))
        self.beta = nn.Parameter(torch.randn(outputs))
        self.sizes = (step, 0, spread, parts)
        self.rim, self.rim_value = rim, rim_value
        self.taken, self.weighed, self.centre = taken, weighed, centre
        self.scale, self.whole, self.bias = scale, whole, bias

    def magnitude(self, w):
        dims = (0, 1, 2, 3) if self.whole else (1, 2, 3)
        centred = w - w.mean(self.centre or (1, 2, 3), keepdim=True)
        if self.scale == "centred":
            w = centred
        elif self.scale == "clipped":
            w = centred.clamp(-1, 1)
        elif self.scale in ("standardized", "power"):
            w = centred / centred.flatten(1).std(1).view(-1, 1, 1, 1)
        mean = w.abs().mean(dims).expand(len(w))
        return torch.exp2(mean.log2().round()) if self.scale == "power" else mean

    def weight(self):
        w = self.latent
        moved = w if self.centre is None else w - w.mean(self.centre, keepdim=True)
        scale = torch.ones(len(w))
        if self.scale in ("learned", "both"):
            scale = self.alpha
        if self.scale not in ("none", "learned"):
            scale = scale * self.magnitude(w)
        return sign(moved, self.weighed), scale.view(-1, 1, 1)

    def forward(self, x):
        w, scale = self.weight()
        rims = [self.rim] * 4
        if self.rim_value is not None:
            x = sign(F.pad(x, rims, value=self.rim_value), self.taken)
        else:
            x = F.pad(sign(x, self.taken), rims)
        y = F.conv2d(x, w, None, *self.sizes)
        beta = self.beta.view(-1, 1, 1)
        if self.bias == "inside":
            return (y + beta) * scale
        y = y * scale
        return y if self.bias == "none" else y + (beta.sign() if self.bias == "signed" else beta)

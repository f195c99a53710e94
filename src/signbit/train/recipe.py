"""The schema of a recipe: all that decides a training run but the model, data and machine."""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(strict=True, ge=1)]
Flag = Annotated[bool, Field(strict=True)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Adam(_Settings):
    """torch.optim.Adam; weight decay is that of AdamW, decoupled."""

    name: Literal["adam"]
    lr: Rate
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    betas: tuple[Finite, Finite] = (0.9, 0.999)


class Sgd(_Settings):
    """torch.optim.SGD."""

    name: Literal["sgd"]
    lr: Rate
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: Flag = False


class Steps(_Settings):
    """The learning rate jumps to a value at each given epoch, counted from 0."""

    name: Literal["steps"]
    lr_at_epoch: dict[Annotated[int, Field(ge=1)], Rate]

    def lr(self, epoch: float, epochs: int, base: float) -> float:
        """Learning rate after `epoch` epochs, a fraction within one."""
        reached = [start for start in self.lr_at_epoch if start <= epoch]
        return self.lr_at_epoch[max(reached)] if reached else base


class Cosine(_Settings):
    """Half a cosine from the optimizer's learning rate to 0, after a linear warm-up."""

    name: Literal["cosine"]
    warmup_epochs: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    def lr(self, epoch: float, epochs: int, base: float) -> float:
        """Learning rate after `epoch` epochs, a fraction within one."""
        if epoch < self.warmup_epochs:
            return base * epoch / self.warmup_epochs
        rest = max(epochs - self.warmup_epochs, 1e-9)
        share = min((epoch - self.warmup_epochs) / rest, 1.0)
        return base * (1 + math.cos(math.pi * share)) / 2


class Augmentation(_Settings):
    """Random changes of the training images.

    crop_padding: black pixels put around an image before a crop of its size; 0 for none.
    flip: mirror half of the images, left to right.
    """

    crop_padding: Annotated[int, Field(strict=True, ge=0)] = 0
    flip: Flag = False


class Input(_Settings):
    """Real input = scale * pixel + bias, the same for all channels.

    The default is exact in float32: pixels become multiples of 1/128 in [-1, 1), so that sums
    over them do not depend on their order.
    """

    scale: Finite = 1 / 128
    bias: Finite = -1.0


class Recipe(_Settings):
    """All settings of a run.

    model: options of the model, such as {inflation: 0.25}.
    val_size: training images held out for validation, a count or a fraction; 0 for none.
    latent_clip: bound that latent weights are clamped to after each step; null for none.
    precision: bfloat16 runs under autocast; latent weights stay float32.
    """

    epochs: Count
    batch_size: Annotated[int, Field(strict=True, ge=2)] = 256
    optimizer: Annotated[Adam | Sgd, Field(discriminator="name")]
    schedule: Annotated[Steps | Cosine, Field(discriminator="name")]
    model: dict[str, Any] = {}
    input: Input = Input()
    augmentation: Augmentation = Augmentation()
    val_size: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1
    latent_clip: Rate | None = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: Flag = False
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = 0

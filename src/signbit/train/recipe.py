"""The schema of a recipe: all settings of a training run except model, data and machine."""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from signbit.train._field_types import (
    Area,
    Count,
    Crop,
    Epochs,
    ForChannels,
    NotNegative,
    Pixels,
    Rate,
    Settings,
    Share,
)
from signbit.train.optimizers import AbstractOptimizer, AbstractRealOptimizer, Group, any_of

if TYPE_CHECKING:
    RealOptimizer = AbstractRealOptimizer
    AnyOptimizer = AbstractOptimizer
else:
    _by_name = Field(discriminator="name")
    RealOptimizer = Annotated[any_of(AbstractRealOptimizer), _by_name]
    AnyOptimizer = Annotated[any_of(AbstractOptimizer), _by_name]


class Steps(Settings):
    """The learning rate jumps to a value at each given epoch, counted from 0.

    lr_at_epoch: the rates themselves, not factors. If you change `optimizer.lr`, change them too.
        The rate of a `latent_optimizer` is multiplied by the same factors.
    """

    name: Literal["steps"]
    lr_at_epoch: dict[Annotated[int, Field(ge=1)], Rate]

    def lr(self, epoch: float, epochs: int, base: float) -> float:
        """Learning rate after `epoch` epochs, a fraction within one."""
        reached = [start for start in self.lr_at_epoch if start <= epoch]
        return self.lr_at_epoch[max(reached)] if reached else base


class Cosine(Settings):
    """Half a cosine from the optimizer's learning rate to 0, after a linear warm-up.

    warmup_epochs: at most half of the epochs count, so that the rate also falls in a short run.
    """

    name: Literal["cosine"]
    warmup_epochs: NotNegative = 0.0

    def lr(self, epoch: float, epochs: int, base: float) -> float:
        """Learning rate after `epoch` epochs, a fraction within one."""
        warmup = min(self.warmup_epochs, epochs / 2)
        if epoch < warmup:
            return base * epoch / warmup
        share = min((epoch - warmup) / (epochs - warmup), 1.0)
        return base * (1 + math.cos(math.pi * share)) / 2


class RandomResizedCrop(Settings):
    """A random part of the original image, resized to the size of the input.

    scale: least and largest share of the image's area.
    ratio: least and largest width / height of the part; its logarithm is uniform.

    Source: arXiv:1409.4842; the defaults are those of torchvision's `RandomResizedCrop`.
    """

    scale: tuple[Area, Area] = (0.08, 1.0)
    ratio: tuple[Rate, Rate] = (3 / 4, 4 / 3)

    @field_validator("scale", "ratio")
    @classmethod
    def _ascends(cls, pair: tuple[float, float]) -> tuple[float, float]:
        if pair[0] > pair[1]:
            raise ValueError("give the smaller number first")
        return pair


class Augmentation(Settings):
    """Random changes of the training images.

    random_resized_crop: a part of the original image file in the place of the whole; null for
        none. It excludes crop_padding.

    crop_padding: pixels put around an image before a crop of its size; 0 for none.
    crop_border: these pixels are black, or the image mirrored at its edge.
    flip: true mirrors a random half of the images in each epoch. `alternating` mirrors half of
        them in the first epoch, and then each image in every second epoch (arXiv:2404.00498).
    cutout: side of a square of mid-grey at a random place, perhaps in part outside of the image;
        0 for none (arXiv:1708.04552).
    """

    random_resized_crop: RandomResizedCrop | None = None
    crop_padding: Pixels = 0
    crop_border: Literal["black", "reflect"] = "black"
    flip: Literal[False, True, "alternating"] = False
    cutout: Pixels = 0

    @model_validator(mode="after")
    def _crops_once(self) -> "Augmentation":
        if self.random_resized_crop is not None and self.crop_padding:
            raise ValueError(
                f"random_resized_crop moves the image already; set crop_padding=0, which is "
                f"{self.crop_padding}, or random_resized_crop=null"
            )
        return self


class Input(Settings):
    """Real input = scale * pixel + bias, one number for all channels or one for each.

    With the default, pixels become multiples of 1/128 in [-1, 1). Sums of them are exact in
    float32, so the order of additions has no effect.

    crop: null resizes the whole of an image file to the size of the input. A share scales it until
        it covers size / crop, and cuts out the centre; 0.875 is 224 of 256 pixels. It is part of
        the network: `evaluate`, `predict` and the packed network crop in the same way.
    """

    scale: ForChannels = 1 / 128
    bias: ForChannels = -1.0
    crop: Crop | None = None


class Loss(Settings):
    """Cross-entropy of softmax(logit_scale * outputs) with the labels.

    label_smoothing: share of the target that is spread over all classes (arXiv:1512.00567).
    logit_scale: for models whose last batch norm has no parameters, so that their scores are
        bounded. It is only a part of the loss; the scores of the model do not change.
    """

    label_smoothing: Share = 0.0
    logit_scale: Rate = 1.0


class Distillation(Settings):
    """Learn also from the outputs of a trained network, the teacher (arXiv:1503.02531).

    teacher: run folder or checkpoint of `signbit train`; null where Python code gives a module.
    temperature: the logits of both networks are divided by it; 1 for a loss without probabilities.
    weight: weight of the teacher's part in the loss; that of the labels is 1 - weight.
    """

    teacher: str | None = None
    temperature: Rate = 1.0
    weight: Annotated[float, Field(gt=0, le=1)] = 0.5


class Averaging(Settings):
    """Evaluate and save an exponential moving average of all parameters.

    decay: share of itself that the average keeps in a step; it is less in the first steps.
    batch_norm_images: number of training images, not augmented, on which the statistics of its
        batch norms are measured before it is evaluated or saved.
    """

    decay: Share = 0.999
    batch_norm_images: Annotated[int, Field(strict=True, ge=2)] = 12800


class Recipe(Settings):
    """All settings of a run.

    latent_optimizer: only for binary weights; null where `optimizer` trains these too.
    init: run folder or checkpoint with the weights to start from; quantizers may differ. An old
        .pth.tar also sets `input`, so leave `input` out or give the same.
    init_except: patterns of names, such as [classifier.*], that may differ from those of `init`, as
        for a new head; they keep their fresh start.
    frozen: patterns of names that stay as they are: parameters, and the statistics of batch norms.
    groups: patterns of parameters with a learning rate or weight decay of their own, such as
        {features.*: {lr_factor: 0.1}}; the first that fits counts.
    model: options of the model, such as {inflation: 0.25}.
    averaging: null to evaluate and save the weights of the last step.
    model, input, augmentation, loss: null for the defaults.
    val_size: training images held out for validation, a count or a fraction; 0 for none.
    evaluate_every: epochs between validations, and between writings of the run folder; the last
        epoch has both in any case.
    latent_clip: bound that latent weights are clamped to after each step; null for none.
    batch_norms: null to normalise by the whole batch, which several processes share; local where
        each process normalises by its own part of it, which saves them messages.
    precision: bfloat16 runs under autocast; latent weights stay float32.
    compile: true for torch.compile, or one of its modes; reduce-overhead uses CUDA graphs.
    """

    epochs: Epochs
    batch_size: Annotated[int, Field(strict=True, ge=2)] = 256
    optimizer: RealOptimizer
    latent_optimizer: AnyOptimizer | None = None
    schedule: Annotated[Steps | Cosine, Field(discriminator="name")]
    init: str | None = None
    init_except: tuple[str, ...] | None = None
    frozen: tuple[str, ...] | None = None
    groups: dict[str, Group] | None = None
    model: dict[str, Any] = Field(default_factory=dict)
    input: Input = Input()
    augmentation: Augmentation = Augmentation()
    loss: Loss = Loss()
    distillation: Distillation | None = None
    averaging: Averaging | None = None
    val_size: NotNegative = 0.1
    evaluate_every: Count = 1
    latent_clip: Rate | None = 1.0
    batch_norms: Literal["local"] | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: Literal[False, True, "reduce-overhead", "max-autotune"] = False
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = 0

    @field_validator("model", "input", "augmentation", "loss", mode="before")
    @classmethod
    def _null_is_the_default(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        return field.get_default(call_default_factory=True) if value is None else value

    @field_validator("val_size")
    @classmethod
    def _is_a_fraction_or_a_count(cls, val_size: float) -> float:
        if val_size >= 1 and not val_size.is_integer():
            raise ValueError("give a fraction below 1, or a whole number of images")
        return val_size

    @model_validator(mode="after")
    def _each_latent_weight_has_one_decay(self) -> "Recipe":
        latent = self.latent_optimizer
        if latent is not None and self.optimizer.latent_weight_decay:
            raise ValueError(
                "optimizer.latent_weight_decay has no effect with latent_optimizer; set "
                "latent_optimizer.latent_weight_decay"
            )
        if isinstance(latent, AbstractRealOptimizer) and latent.weight_decay:
            raise ValueError(
                "latent_optimizer.weight_decay has no effect, because it trains only latent "
                "weights; set latent_optimizer.latent_weight_decay"
            )
        return self

    @model_validator(mode="after")
    def _signs_are_within_the_clip(self) -> "Recipe":
        signs = self.latent_optimizer is not None and self.latent_optimizer.holds_signs
        if signs and self.latent_clip is not None and self.latent_clip < 1:
            raise ValueError(
                f"latent_clip {self.latent_clip:g} would move weights away from -1 and +1, where "
                "latent_optimizer keeps them; set latent_clip=null"
            )
        return self

    def evaluates(self, epoch: int) -> bool:
        """Whether the epoch, counted from 0, ends with validation and writing."""
        return (epoch + 1) % self.evaluate_every == 0 or epoch + 1 == self.epochs


_accepted = any_of(AbstractOptimizer)


def accept_new_optimizers() -> None:
    """Let `Recipe` accept what was registered after this module was imported.

    The module of a user's optimizer imports this package before it registers one.
    """
    global _accepted
    known = any_of(AbstractOptimizer)
    if known == _accepted:
        return
    by_name: Any = Annotated[known, Field(discriminator="name")]
    latent: Any = by_name | None
    Recipe.model_fields["optimizer"].annotation = any_of(AbstractRealOptimizer)
    Recipe.model_fields["latent_optimizer"].annotation = latent
    Recipe.model_rebuild(force=True)
    _accepted = known

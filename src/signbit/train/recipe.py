"""The schema of a recipe: all settings of a run except model, data and machine."""

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

    lr_at_epoch: the learning rate at each epoch, not a factor. If you change `optimizer.lr`, change
        these rates too. The learning rate of a `latent_optimizer` changes by the same factors.
    """

    name: Literal["steps"]
    lr_at_epoch: dict[Annotated[int, Field(ge=1)], Rate]

    def lr(self, epoch: float, epochs: int, base: float) -> float:
        """The learning rate after `epoch` epochs, which may be a fraction."""
        reached = [start for start in self.lr_at_epoch if start <= epoch]
        return self.lr_at_epoch[max(reached)] if reached else base


class Cosine(Settings):
    """Half a cosine from the optimizer's learning rate to 0, after a linear warm-up.

    warmup_epochs: the number of epochs of the warm-up, but at most half of all epochs, so that the
        rate also falls in a short run.
    """

    name: Literal["cosine"]
    warmup_epochs: NotNegative = 0.0

    def lr(self, epoch: float, epochs: int, base: float) -> float:
        """The learning rate after `epoch` epochs, which may be a fraction."""
        warmup = min(self.warmup_epochs, epochs / 2)
        if epoch < warmup:
            return base * epoch / warmup
        share = min((epoch - warmup) / (epochs - warmup), 1.0)
        return base * (1 + math.cos(math.pi * share)) / 2


class RandomResizedCrop(Settings):
    """A random part of the original image, resized to the size of the input.

    scale: the smallest and the largest share of the image's area, from 0 to 1.
    ratio: the smallest and the largest width / height of the part. Its logarithm is drawn
        uniformly.

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

    random_resized_crop: use a random part of the original image file instead of the whole; null to
        use the whole. It cannot be combined with crop_padding.
    crop_padding: the number of pixels added on each side of an image before a part of the original
        size is cut out at a random place; 0 for none.
    crop_border: the colour of the added pixels: black, or reflect for the image mirrored at its
        edge.
    flip: true mirrors each image with probability 1/2 in each epoch. `alternating` mirrors a random
        half of the images in the first epoch, and then every image in every second epoch
        (arXiv:2404.00498).
    cutout: the side, in pixels, of a mid-grey square at a random place. A part of it may be
        outside of the image. 0 for none (arXiv:1708.04552).
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
                f"crop_padding is {self.crop_padding}, but random_resized_crop already crops the "
                "image; set crop_padding=0 or random_resized_crop=null"
            )
        return self


class Input(Settings):
    """Real input = scale * pixel + bias.

    With the default, pixels become multiples of 1/128 in [-1, 1). Their sums are exact in float32,
    so the order of the additions has no effect.

    scale, bias: one number for all channels, or a list with one number for each channel.
    crop: null resizes the whole image file to the size of the input. A share, such as 0.875, scales
        the image until it covers size / crop, and cuts out the centre: 0.875 is 224 of 256 pixels.
        It is part of the network: `evaluate`, `predict` and the packed network crop in the same
        way.
    """

    scale: ForChannels = 1 / 128
    bias: ForChannels = -1.0
    crop: Crop | None = None


class Loss(Settings):
    """Cross-entropy of softmax(logit_scale * outputs) with the labels.

    label_smoothing: the share of the target that is spread over all classes, from 0 to below 1
        (arXiv:1512.00567).
    logit_scale: the factor of the outputs. It is useful for a model whose last batch norm has no
        parameters, because its scores are bounded. It is part of the loss alone; the scores of
        the model do not change.
    """

    label_smoothing: Share = 0.0
    logit_scale: Rate = 1.0


class Distillation(Settings):
    """Learn also from the outputs of a trained network, the teacher (arXiv:1503.02531).

    teacher: a run folder or checkpoint of `signbit train`; null if Python code gives a module.
    temperature: the logits of both networks are divided by it. It must be 1 for a loss without
        probabilities.
    weight: the weight of the teacher's part in the loss, above 0 and up to 1. The weight of the
        labels is 1 - weight.
    """

    teacher: str | None = None
    temperature: Rate = 1.0
    weight: Annotated[float, Field(gt=0, le=1)] = 0.5


class Averaging(Settings):
    """Evaluate and save an exponential moving average of all parameters.

    decay: the share of itself that the average keeps in a step. In the first steps it is smaller.
    batch_norm_images: before the average is evaluated or saved, the statistics of its batch norms
        are measured on about this number of training images, without augmentation.
    """

    decay: Share = 0.999
    batch_norm_images: Annotated[int, Field(strict=True, ge=2)] = 12800


class Recipe(Settings):
    """All settings of a run.

    epochs: the number of epochs.
    batch_size: the number of samples in a batch, 2 or more. Several processes share a batch.
    optimizer: the optimizer of all parameters, or of all except latent weights.
    latent_optimizer: the optimizer of latent weights alone; null if `optimizer` trains them too.
    schedule: how the learning rate changes during the training.
    init: a run folder or checkpoint with the weights to start from. Its quantizers may differ. An
        old .pth.tar file also decides `input`, so leave out `input` or give the same one.
    init_except: patterns of names, such as [classifier.*] for a new head. The weights with these
        names may differ from those in `init`. They keep their new initial values.
    frozen: patterns of the names of parameters and of batch norm statistics that do not change.
    groups: patterns of parameters that have their own learning rate or weight decay, such as
        {features.*: {lr_factor: 0.1}}. The first pattern that matches counts.
    model: options of the model, such as {inflation: 0.25}; null for the defaults.
    input, augmentation, loss: null for the defaults.
    distillation: learn also from a teacher; null for none.
    averaging: evaluate and save an average of the weights; null for the weights of the last step.
    val_size: the training images that are held out for validation, a number or a fraction; 0 for
        none.
    evaluate_every: validate and write the run folder after every so many epochs, and after the last
        epoch.
    latent_clip: the bound to which latent weights are clamped after each step; null for none.
    batch_norms: null to normalise by the whole batch, also if several processes share it. local to
        normalise by the part of each process, which needs fewer messages between them.
    precision: float32, bfloat16 for autocast, or auto for bfloat16 where the processor or the GPU
        multiplies it in hardware, and float32 elsewhere. Latent weights stay float32 in all cases.
    compile: true for torch.compile, or one of its modes; reduce-overhead uses CUDA graphs.
    seed: the seed of all random numbers.
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
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
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
                "optimizer.latent_weight_decay has no effect together with latent_optimizer; set "
                "latent_optimizer.latent_weight_decay instead"
            )
        if isinstance(latent, AbstractRealOptimizer) and latent.weight_decay:
            raise ValueError(
                "latent_optimizer.weight_decay has no effect, because latent_optimizer trains only "
                "latent weights; set latent_optimizer.latent_weight_decay instead"
            )
        return self

    @model_validator(mode="after")
    def _signs_are_within_the_clip(self) -> "Recipe":
        signs = self.latent_optimizer is not None and self.latent_optimizer.holds_signs
        if signs and self.latent_clip is not None and self.latent_clip < 1:
            raise ValueError(
                f"latent_clip is {self.latent_clip:g}, but latent_optimizer keeps weights at -1 "
                "and +1; set latent_clip=null"
            )
        return self

    def evaluates(self, epoch: int) -> bool:
        """Whether the epoch, counted from 0, ends with a validation and writes the run folder."""
        return (epoch + 1) % self.evaluate_every == 0 or epoch + 1 == self.epochs


_accepted = any_of(AbstractOptimizer)


def accept_new_optimizers() -> None:
    """Let `Recipe` accept optimizers that were registered after this module was imported.

    The module of a user's own optimizer must import this package before it can register one.
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

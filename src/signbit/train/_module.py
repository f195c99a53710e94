"""The Lightning module: loss, accuracy, optimizer, and the rule for latent weights."""

from typing import Any

import lightning.pytorch as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from signbit.layers import clip_latent_weights
from signbit.train._data import epoch_seed
from signbit.train.recipe import Adam, Recipe


class Classifier(pl.LightningModule):
    """Trains `model` as a classifier by a recipe.

    The loss is the cross-entropy; a model that ends in log-probabilities has the same loss, as
    their log-softmax is themselves.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, num_classes: int, steps_per_epoch: int):
        super().__init__()
        self.model, self.recipe, self.steps_per_epoch = model, recipe, steps_per_epoch
        self.train_accuracy = MulticlassAccuracy(num_classes, average="micro")
        self.val_accuracy = MulticlassAccuracy(num_classes, average="micro")

    def on_train_epoch_start(self) -> None:
        """Seed what the forward pass draws, such as stochastic signs."""
        torch.manual_seed(epoch_seed(self.recipe.seed, self.current_epoch, "forward"))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        """The loss of one batch."""
        inputs, labels = batch
        outputs = self.model(inputs).float()
        loss = F.cross_entropy(outputs, labels)
        self.train_accuracy(outputs.detach(), labels)
        options: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": len(labels)}
        self.log("loss", loss.detach(), **options)
        self.log("accuracy", self.train_accuracy, **options)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        """Accumulate loss and accuracy on images held out."""
        inputs, labels = batch
        outputs = self.model(inputs).float()
        self.val_accuracy(outputs, labels)
        self.log("val_loss", F.cross_entropy(outputs, labels), batch_size=len(labels))
        self.log("val_accuracy", self.val_accuracy, batch_size=len(labels))

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then keep the latent weights where gradients pass."""
        super().optimizer_step(*args, **kwargs)
        if self.recipe.latent_clip is not None:
            clip_latent_weights(self.model, self.recipe.latent_clip)

    def configure_optimizers(self) -> Any:
        """The recipe's optimizer, its learning rate set before every step."""
        optimizer = _optimizer(self.model, self.recipe)
        epochs, base = self.recipe.epochs, self.recipe.optimizer.lr

        def factor(step: int) -> float:
            return self.recipe.schedule.lr(step / self.steps_per_epoch, epochs, base) / base

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    settings = recipe.optimizer
    options = settings.model_dump(exclude={"name"})
    kind = torch.optim.AdamW if isinstance(settings, Adam) else torch.optim.SGD
    return kind(model.parameters(), **options)

"""The share of binary weights that flipped in an epoch, and of latent weights at the bound."""

import lightning.pytorch as pl
from torch import Tensor

from signbit.layers import latent_weights
from signbit.train._latent import clip_ratio, flip_ratio, signs
from signbit.train._module import TrainingModule


class BinaryDiagnostics(pl.Callback):
    """Logs `flipped` and `clipped` over the network, and `flipped/<layer>`, `clipped/<layer>`."""

    def __init__(self):
        self._signs: dict[str, Tensor] = {}

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remember the signs at the start of the epoch."""
        assert isinstance(pl_module, TrainingModule)
        self._signs = signs(pl_module.model)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare the signs with those at the start of the epoch."""
        assert isinstance(pl_module, TrainingModule)
        model, bound = pl_module.model, pl_module.recipe.latent_clip
        ratios = {"flipped": flip_ratio(self._signs, signs(model))}
        if bound is not None:
            ratios["clipped"] = clip_ratio(model, bound)
        sizes = {name: weight.numel() for name, weight in latent_weights(model)}
        for kind, by_layer in ratios.items():
            if by_layer:
                total = sum(by_layer[name] * sizes[name] for name in sizes) / sum(sizes.values())
                pl_module.log(kind, total)
            pl_module.log_dict({f"{kind}/{name}": value for name, value in by_layer.items()})

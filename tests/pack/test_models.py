"""Every architecture, its parameters as bad as training may leave them, packed and run."""

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from helpers.models import hostile, small, small_size

from signbit.format import Preprocessing
from signbit.models import models, takes, to_input
from signbit.models._residual import SHORTCUTS, STEMS
from signbit.pack import pack
from signbit.runtime import reference
from signbit.runtime.engine import Engine

MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]
CHOICES = {"shortcut": SHORTCUTS, "stem": STEMS}


def variants() -> list[tuple[str, dict[str, Any]]]:
    """Each model with its defaults, and with every other choice that it offers."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name in models.names():
        found.append((name, {}))
        for option, values in CHOICES.items():
            if takes(name, option):
                default = inspect.signature(models.get(name)).parameters[option].default
                found += [(name, {option: value}) for value in values if value != default]
    return found


@pytest.mark.parametrize("pixels", ["exact", "real"])
@pytest.mark.parametrize(("name", "choice"), variants(), ids=str)
def test_a_packed_model_gives_torchs_bits_and_predictions(name, choice, pixels):
    size = small_size(name)
    preprocessing = (
        Preprocessing([1 / 128] * 3, [-1.0] * 3, size)
        if pixels == "exact"
        else Preprocessing.from_mean_std(MEAN, STD, size)
    )
    model = small(name, in_channels=3, input_size=size, num_classes=7, **choice)
    model = hostile(model, (3, *size))
    images = np.random.default_rng(1).integers(0, 256, (16, *size, 3)).astype(np.uint8)
    packed = pack(model, preprocessing, samples=images)
    check, turned = packed.info["check"], packed.info["check"]["bits_turned"]
    # A real number may lie on its threshold (docs/decisions/0009). It turns a bit of one image.
    assert turned <= (0 if packed.info["exact"] else check["bits"] / 1e5)
    assert turned or not check["bits_differ"]
    with torch.no_grad():
        wanted = model(to_input(torch.from_numpy(images), preprocessing)).numpy()
    for found in (reference.scores(packed, images), Engine(packed, 2).scores(images)):
        close = np.isclose(found, wanted, rtol=1e-4, atol=1e-4).all(1)
        assert (~close).sum() <= turned
        assert (found.argmax(1) == wanted.argmax(1))[close].all()

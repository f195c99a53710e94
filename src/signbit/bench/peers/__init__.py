"""Other runtimes on ordinary networks of the same shapes, to compare speed with.

A peer runs a network whose layers have the sizes of a packed one's, with random weights: not the
same answers. Each is one module, which imports its runtime only when it is made.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import ExportError, MissingDependencyError
from signbit.format import PackedModel
from signbit.registry import Registry

# Runs (N, H, W, C) uint8.
Peer = Callable[[NDArray[np.uint8]], Any]
MakePeer = Callable[[PackedModel, int], Peer]

peers: Registry[MakePeer] = Registry("peer", "signbit.bench.peers")


def make_peers(model: PackedModel, threads: int) -> tuple[dict[str, Peer], dict[str, str]]:
    """All that can be made here, by name; and why not the others."""
    made: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    for name in peers.names():
        try:
            made[name] = peers.get(name)(model, threads)
        except ModuleNotFoundError as error:
            missing[name] = f"{error.name} is not installed"
        except (MissingDependencyError, ExportError) as error:
            missing[name] = str(error)
    return made, missing

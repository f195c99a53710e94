"""Other runtimes on ordinary networks of the same shapes, to compare speed with.

A peer runs a network whose layers have the sizes of those of the packed network. Its weights are
random, so it does not give the same answers. Each peer is one module, which imports its runtime
only when it is made.
"""

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from signbit.errors import ExportError, MissingDependencyError
from signbit.format import PackedModel
from signbit.registry import Registry
from signbit.runtime.samples import in_layout

# Arrays by the names of inputs, as `peer_arrays` arranges them.
Arrays = Mapping[str, NDArray[Any]]
Peer = Callable[[Arrays], Any]
MakePeer = Callable[[PackedModel, int], Peer]

peers: Registry[MakePeer] = Registry("peer", "signbit.bench.peers")


def peer_arrays(model: PackedModel, samples: Arrays) -> Arrays:
    """Samples of a packed network, in the form that its exports to ONNX and torch accept.

    An image of pixels has its channels last, as in the file. Other inputs have them first.
    """
    layout = "file" if model.signature.is_of_images else "torch"
    return {name: in_layout(array, layout) for name, array in samples.items()}


def make_peers(model: PackedModel, threads: int) -> tuple[dict[str, Peer], dict[str, str]]:
    """All peers that can be made here, by name, and for each other one the reason why not."""
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

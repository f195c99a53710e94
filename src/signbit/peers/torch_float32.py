"""Torch, eager, in float32."""

from signbit.format import PackedModel
from signbit.peers import Peer, peers


@peers.register("torch float32")
def torch_float32(model: PackedModel, threads: int) -> Peer:
    """In channels_last memory, in inference mode."""
    from signbit.peers._torch_twin import TorchTwin

    return TorchTwin(model, threads)

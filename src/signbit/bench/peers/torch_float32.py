"""Torch, eager, in float32."""

from typing import Any

from signbit.bench.peers import Arrays, Peer, peers
from signbit.format import PackedModel
from signbit.passes.float_twin import float_twin


@peers.register("torch float32")
def torch_float32(model: PackedModel, threads: int) -> Peer:
    """In channels_last memory and inference mode. Torch has `threads` threads while it runs."""
    import torch

    from signbit.export.torch import to_module

    network = to_module(float_twin(model)).to(memory_format=torch.channels_last)  # pyright: ignore

    def run(arrays: Arrays) -> Any:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with torch.inference_mode():
                return network(*map(torch.from_numpy, arrays.values()))
        finally:
            torch.set_num_threads(before)

    return run

"""ONNX Runtime in float32."""

from signbit.bench.peers import Peer, peers
from signbit.format import PackedModel


@peers.register("onnxruntime float32")
def onnxruntime_float32(model: PackedModel, threads: int) -> Peer:
    """With all graph optimizations, which is its default."""
    from signbit.bench.peers._float_graph import float_graph
    from signbit.bench.peers._session import session

    return session(float_graph(model), threads)

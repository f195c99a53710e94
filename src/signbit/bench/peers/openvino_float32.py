"""OpenVINO in float32."""

from functools import cache
from typing import TYPE_CHECKING, Any

from signbit.bench.peers import Arrays, Peer, peers
from signbit.format import PackedModel

if TYPE_CHECKING:
    from openvino import CompiledModel


@peers.register("openvino float32")
def openvino_float32(model: PackedModel, threads: int) -> Peer:
    """On its CPU plugin, compiled for each batch size, because networks of any size are slower."""
    import openvino

    from signbit.bench.peers._float_graph import float_graph

    core, content = openvino.Core(), float_graph(model).SerializeToString()

    @cache
    def compiled(batch: int) -> "CompiledModel":
        network = core.read_model(content)
        network.reshape(
            {each.any_name: [batch, *list(each.partial_shape)[1:]] for each in network.inputs}
        )
        return core.compile_model(network, "CPU", settings(threads))

    def run(arrays: Arrays) -> Any:
        batch = len(next(iter(arrays.values())))
        return compiled(batch)(dict(arrays))[0]

    return run


def settings(threads: int) -> dict[str, Any]:
    """Options of the CPU plugin: one input at a time, on `threads` threads."""
    return {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        # The default is bfloat16 where the processor has it.
        "INFERENCE_PRECISION_HINT": "f32",
        # A thread that is pinned to a core waits while other programs use that core. On a busy
        # machine this more than doubles the time.
        "ENABLE_CPU_PINNING": False,
    }

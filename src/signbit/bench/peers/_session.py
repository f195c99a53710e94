"""A network in ONNX Runtime."""

from typing import TYPE_CHECKING, Any

import onnxruntime

if TYPE_CHECKING:
    from onnx import ModelProto

    from signbit.bench.peers import Arrays, Peer

_ERRORS_ONLY = 3


def session(network: "ModelProto", threads: int) -> "Peer":
    """A function that runs it on `threads` threads, which rest while other peers are timed."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.force_spinning_stop", "1")
    loaded = onnxruntime.InferenceSession(
        network.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def run(arrays: "Arrays") -> Any:
        return loaded.run(None, dict(arrays))[0]

    return run

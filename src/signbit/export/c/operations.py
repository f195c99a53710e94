"""The code in C for each operation of a packed network."""

from collections.abc import Callable

from signbit.export.c import convolutions as c
from signbit.export.c import elementwise as o
from signbit.export.c import functions as f
from signbit.export.c.move import move
from signbit.export.c.node_code import NodeCode, NodeView

# Convolutions with integer sums. A threshold can be part of their call.
SUMS: dict[str, Callable[[NodeView, NodeView | None], NodeCode]] = {
    "conv_bits": c.conv_bits,
    "conv_u8": c.conv_u8,
}
OTHERS: dict[str, Callable[[NodeView], NodeCode]] = {
    "conv_f32_bits": c.conv_f32_bits,
    "conv_f32": c.conv_f32,
    "normalize": o.normalize,
    "affine": o.affine,
    "threshold": o.threshold,
    "flip": o.flip,
    "signs": o.signs,
    "clamp": o.clamp,
    "prelu": o.prelu,
    "add": o.add,
    "unary": f.unary,
    "binary": f.binary,
    "reduce": f.reduce,
    "concat": o.concat,
    "flatten": o.flatten,
    "move": move,
    "max_pool": o.max_pool,
    "avg_pool": o.avg_pool,
    "softmax": o.softmax,
    "log_softmax": o.log_softmax,
}
OPERATIONS = (*SUMS, *OTHERS)

"""The operations that the script of MATLAB and Octave computes, each a case of `node.m`."""

OPERATIONS = (
    "add",
    "affine",
    "avg_pool",
    "clamp",
    "concat",
    "conv_bits",
    "conv_f32",
    "conv_f32_bits",
    "conv_u8",
    "flatten",
    "flip",
    "log_softmax",
    "max_pool",
    "normalize",
    "prelu",
    "signs",
    "softmax",
    "threshold",
)

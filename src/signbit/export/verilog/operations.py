"""The operations that streams of bits and integers express."""

# Before the scores.
BODY = ("conv_u8", "conv_bits", "threshold", "max_pool", "flip", "flatten")
# From the sums of the last convolution to the scores.
TAIL = ("affine", "flatten", "softmax", "log_softmax")
OPERATIONS = frozenset(BODY + TAIL)

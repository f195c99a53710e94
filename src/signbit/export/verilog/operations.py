"""The operations that streams of bits and integers express."""

# The operations before the scores.
BODY = ("conv_u8", "conv_bits", "threshold", "max_pool", "flip", "flatten")
# The operations from the sums of the last convolution to the scores.
TAIL = ("affine", "flatten", "softmax", "log_softmax")
OPERATIONS = frozenset(BODY + TAIL)

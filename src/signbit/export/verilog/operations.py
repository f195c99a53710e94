"""The operations that streams of bits and integers can express."""

# Operations on bits, codes and sums.
BODY = ("conv_u8", "conv_bits", "threshold", "max_pool", "flip", "flatten", "concat")
# Operations from the sums of a convolution to scores.
TAIL = ("affine", "softmax", "log_softmax")
OPERATIONS = frozenset(BODY + TAIL)

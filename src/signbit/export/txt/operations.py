"""The operations that plain arrays can express: any, since a node is its tensors and its values."""

from signbit.format.ops import operations

OPERATIONS = operations

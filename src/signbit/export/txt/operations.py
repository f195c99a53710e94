"""Plain arrays can express all operations: they hold the tensors and values of each node."""

from signbit.format.ops import operations

OPERATIONS = operations

"""Binary neural networks for PyTorch, from training to the bits that run.

Importing this package imports no torch; the parts that need it are `signbit.layers`,
`signbit.quantizers`, `signbit.models` and `signbit.train`.
"""

from importlib.metadata import PackageNotFoundError, version

from signbit.errors import SignbitError

try:
    __version__ = version("signbit")
except PackageNotFoundError:  # run from a source tree with PYTHONPATH=src, not installed
    __version__ = "0+source"

__all__ = ["SignbitError", "__version__"]

"""Binary neural networks for PyTorch, from training to the bits that run.

Importing this package imports no torch; the parts that need it are `signbit.layers`,
`signbit.quantizers`, `signbit.models`, `signbit.train` and `signbit.pack`.
"""

from typing import TYPE_CHECKING

from signbit.errors import SignbitError

if TYPE_CHECKING:
    from signbit.format.source import Source
    from signbit.runtime.engine import Engine
    from signbit.runtime.samples import Layout

    __version__: str

__all__ = ["SignbitError", "__version__", "load"]


def load(source: "Source", threads: int = 1, layout: "Layout" = "file") -> "Engine":
    """An engine for a `.signbit` file.

    source: its path, its content as bytes, bytearray or memoryview, or an open binary file.
    threads: how many work on a call; 1 starts none.
    layout: of arrays: "file" for channels last, "torch" for channels first.

    Raises: ModelFormatError for a damaged file, UsageError for a wrong number of threads or
        layout, InputTypeError for any other kind of source.
    """
    # Imported here: `import signbit` alone stays quick.
    from signbit.format import PackedModel
    from signbit.runtime.engine import Engine

    return Engine(PackedModel.load(source), threads, layout=layout)


def __getattr__(name: str) -> str:
    """The version; looking it up takes longer than all else that an import does."""
    if name != "__version__":
        raise AttributeError(f"module 'signbit' has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("signbit")
    except PackageNotFoundError:  # run from a source tree with PYTHONPATH=src, not installed
        return "0+source"

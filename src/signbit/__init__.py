"""Binary neural networks for PyTorch, from training to the bits that run.

`import signbit` does not import torch. These parts need torch: `signbit.layers`,
`signbit.quantizers`, `signbit.models`, `signbit.train`, `signbit.pack` and `signbit.convert`.
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
    """Load a `.signbit` file into an engine, which runs the network on the CPU without torch.

    source: the path of the file, its content as bytes, bytearray or memoryview, or an open binary
        file.
    threads: number of threads that work on one call. With 1, the engine starts no threads.
    layout: the order of axes in the arrays: "file" for channels last, "torch" for channels first.

    Raises: ModelFormatError for a damaged file; UsageError for a wrong number of threads or a wrong
        layout; InputTypeError for any other kind of source.
    """
    # Imported here, so that `import signbit` alone stays quick.
    from signbit.format import PackedModel
    from signbit.runtime.engine import Engine

    return Engine(PackedModel.load(source), threads, layout=layout)


def __getattr__(name: str) -> str:
    """Look up the version when it is needed: that takes longer than the rest of the import."""
    if name != "__version__":
        raise AttributeError(f"module 'signbit' has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("signbit")
    except PackageNotFoundError:  # run from a source tree with PYTHONPATH=src, not installed
        return "0+source"

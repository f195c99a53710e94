"""The packages that the importers of single files need."""

from importlib import import_module
from pathlib import Path

from signbit.errors import MissingDependencyError


def require(path: Path, *packages: str) -> None:
    """Import packages. Raises: MissingDependencyError that names the one that is missing."""
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            raise MissingDependencyError(
                f"{path}: to read it, the package {package} is needed; install it with: "
                "pip install 'signbit[import]'"
            ) from error

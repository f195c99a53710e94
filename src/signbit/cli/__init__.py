"""The command line: one module per command."""

from signbit.cli._app import main

__all__ = ["main"]

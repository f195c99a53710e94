"""Imports of the user's modules, undone, so that tests do not see those of one another."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from signbit.registry import registrations


@contextmanager
def forgotten_imports() -> Iterator[None]:
    """Forget all modules that are imported inside and have names that start with "our".

    What they registered leaves the registries, and Python's path is as before.
    """
    modules, path, count = set(sys.modules), sys.path.copy(), len(registrations())
    try:
        yield
    finally:
        for registry, name, registrar in registrations()[count:]:
            if not registrar.startswith("signbit."):
                registry._entries.pop(name, None)
                registry._owners.pop(name, None)
        for name in set(sys.modules) - modules:
            if name.partition(".")[0].startswith("our"):
                del sys.modules[name]
        sys.path[:] = path

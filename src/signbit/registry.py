"""Find things by name: each kind is a package whose modules register one thing each."""

import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from signbit.errors import unknown_name

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind, filled on the first look-up from the modules of a package.

    Modules whose name starts with an underscore are private and not imported. Other
    distributions join through an entry point in the group named like the package; loading
    it must run the `register` decorator.
    """

    def __init__(self, kind: str, package: str):
        self.kind = kind
        self.package = package
        self._entries: dict[str, T] = {}
        self._own_loaded = self._all_loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that makes a function or class known as `name`."""

        def add(entry: T) -> T:
            owner = self._entries.get(name)
            # A module that is reloaded registers its things anew.
            if owner is not None and _identity(owner) != _identity(entry):
                raise RuntimeError(
                    f"{self.kind} {name!r} is registered by both "
                    f"{'.'.join(_identity(owner))} and {'.'.join(_identity(entry))}"
                )
            self._entries[name] = entry
            return entry

        return add

    def names(self) -> list[str]:
        """All names, sorted."""
        self._load()
        return sorted(self._entries)

    def __contains__(self, name: str) -> bool:
        # Other distributions are looked for, which takes long, only where the package's own
        # modules do not have the name.
        self._load_own()
        if name not in self._entries:
            self._load()
        return name in self._entries

    def get(self, name: str) -> T:
        """The entry called `name`.

        Raises: UsageError naming the known ones and the closest.
        """
        if name not in self:
            raise unknown_name(self.kind, name, self._entries)
        return self._entries[name]

    def build(self, name: str, options: Mapping[str, Any]) -> Any:
        """Call the entry called `name` with options that are checked to be among its own.

        Raises: UsageError for an unknown name or option, and what the entry raises.
        """
        import inspect

        entry: Callable[..., Any] = self.get(name)  # pyright: ignore[reportAssignmentType]
        allowed = inspect.signature(entry).parameters
        for option in options:
            if option not in allowed:
                raise unknown_name(f"option of {self.kind} {name!r}", option, allowed)
        return entry(**options)

    def name_of(self, entry: object) -> str | None:
        """The name under which `entry` is registered, None where it is not."""
        self._load()
        return next((name for name, known in self._entries.items() if known is entry), None)

    def _load_own(self) -> None:
        if self._own_loaded:
            return
        package = import_module(self.package)
        modules = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
        for module in modules:
            if not module.startswith("_"):
                import_module(f"{self.package}.{module}")
        self._own_loaded = True

    def _load(self) -> None:
        if self._all_loaded:
            return
        self._load_own()
        from importlib.metadata import entry_points

        for entry_point in entry_points(group=self.package):
            entry_point.load()
        self._all_loaded = True


def _module(entry: object) -> str:
    return getattr(entry, "__module__", type(entry).__module__)


def _identity(entry: object) -> tuple[str, str]:
    return _module(entry), getattr(entry, "__qualname__", type(entry).__qualname__)

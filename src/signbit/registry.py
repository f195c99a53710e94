"""Find things by name: each kind is a package whose modules register one thing each."""

import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from signbit.errors import (
    ExtensionError,
    SignbitError,
    UsageError,
    closest,
    first_line,
    unknown_name,
)

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
# What a decorator returns has the type of what it was given.
Entry = TypeVar("Entry")


class _Owner(NamedTuple):
    """Who claims a name.

    registrar: the module that called `register`. One class may serve many of them, each with an
        object of its own.
    module, qualname: of the entry.
    """

    registrar: str
    module: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}.{self.qualname}"


class Registration(NamedTuple):
    """One call of `register`: which registry has which name, and the module that called."""

    registry: "Registry[Any]"
    name: str
    registrar: str


_registrations: list[Registration] = []


def registrations() -> Sequence[Registration]:
    """All names that this process has registered, of every kind, the oldest first."""
    return tuple(_registrations)


class Registry(Generic[T]):
    """Names of one kind, filled on the first look-up from the modules of a package.

    Modules whose name starts with an underscore are private and not imported. Other
    distributions join through an entry point in the group named like the package; loading
    it must run the `register` decorator. What is wrong with one is an ExtensionError that names
    the distribution; the package's own names stay usable.
    """

    def __init__(self, kind: str, package: str):
        self.kind = kind
        self.package = package
        self._entries: dict[str, T] = {}
        self._owners: dict[str, _Owner] = {}
        self._own_loaded = self._all_loaded = False

    def register(self, name: str) -> Callable[[Entry], Entry]:
        """Decorator that makes a function or class known as `name`.

        Raises: ExtensionError, from the decorator, where another module has that name.
        """
        registrar = sys._getframe(1).f_globals.get("__name__", "")

        def add(entry: Entry) -> Entry:
            known, owner = self._owners.get(name), _owner(registrar, entry)
            # A module that is reloaded registers its things anew.
            if known is not None and known != owner:
                one, other = str(known), str(owner)
                if one == other:
                    one, other = known.registrar, registrar
                raise ExtensionError(
                    f"{self.kind} {name!r} is registered by both {one} and {other}; "
                    "give one of them another name"
                )
            self._entries[name], self._owners[name] = entry, owner  # pyright: ignore
            _registrations.append(Registration(self, name, registrar))
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

        Raises: UsageError naming the known ones and the closest; where none is close, how to make
            a name of one's own known.
        """
        if name not in self:
            error = unknown_name(self.kind, name, self._entries)
            if closest(name, self._entries):
                raise error
            raise UsageError(
                f"{error} If code of yours registers it, import that first; on the command line, "
                "by --import MODULE"
            )
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

    def registrar(self, name: str) -> str | None:
        """The module that registered `name`; None where none has. Nothing is loaded for it."""
        owner = self._owners.get(name)
        return None if owner is None else owner.registrar

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

        # What an entry point loads may look names up itself.
        self._all_loaded = True
        try:
            for entry_point in entry_points(group=self.package):
                self._join(entry_point)
        except BaseException:
            self._all_loaded = False
            raise

    def _join(self, entry_point: "EntryPoint") -> None:
        """Load what another distribution adds. Raises: ExtensionError naming the distribution."""
        before = self._entries.copy(), self._owners.copy()
        try:
            entry_point.load()
        except (Exception, SystemExit) as error:
            # Nothing of a module that failed half-way is to be found at the next look-up.
            self._entries, self._owners = before
            reason = str(error)
            if not isinstance(error, SignbitError):
                reason = f"loading it raised {type(error).__name__}: {first_line(error)}"
            raise _refused(entry_point, reason) from error
        package = _top(entry_point.module)
        if not any(
            package in (_top(one.registrar), _top(one.module)) for one in self._owners.values()
        ):
            raise _refused(entry_point, f"loading it registered no {self.kind}")


def _owner(registrar: str, entry: object) -> _Owner:
    module = getattr(entry, "__module__", type(entry).__module__)
    return _Owner(registrar, module, getattr(entry, "__qualname__", type(entry).__qualname__))


def _top(module: str) -> str:
    return module.partition(".")[0]


def _refused(entry_point: "EntryPoint", reason: str) -> ExtensionError:
    name = entry_point.dist.name if entry_point.dist else "unknown distribution"
    return ExtensionError(
        f"{name}: entry point {entry_point.name} = {entry_point.value} of {entry_point.group}: "
        f"{reason}; mend that package, or run: pip uninstall {name}"
    )

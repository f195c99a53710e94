"""Find things by name. Each kind of thing is a package, and each of its modules registers one."""

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
# A decorator returns an object of the type that it accepts.
Entry = TypeVar("Entry")


class _Owner(NamedTuple):
    """The code that registered a name.

    registrar: the module that called `register`. Many modules may use the same class, each with an
        object of its own.
    module, qualname: the module and the name of the entry's function or class.
    """

    registrar: str
    module: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}.{self.qualname}"


class Registration(NamedTuple):
    """One call of `register`: the registry, the name, and the module that made the call."""

    registry: "Registry[Any]"
    name: str
    registrar: str


_registrations: list[Registration] = []


def registrations() -> Sequence[Registration]:
    """All names that this process has registered, of every kind, in the order of the calls."""
    return tuple(_registrations)


class Registry(Generic[T]):
    """Names of one kind. The first look-up imports the modules of a package, which register them.

    Modules whose names begin with an underscore are private, and are not imported. Another
    distribution adds names through an entry point in the group that has the package's name. Loading
    the entry point must run the `register` decorator. If that fails, the ExtensionError names the
    distribution, and the package's own names can still be used.

    kind: word for messages, such as "data set".
    package: the package, such as `signbit.data`.
    """

    def __init__(self, kind: str, package: str):
        self.kind = kind
        self.package = package
        self._entries: dict[str, T] = {}
        self._owners: dict[str, _Owner] = {}
        self._own_loaded = self._all_loaded = False

    def register(self, name: str) -> Callable[[Entry], Entry]:
        """Decorator that registers a function or class under `name`.

        Raises: ExtensionError, from the decorator, where another module has registered the name.
        """
        registrar = sys._getframe(1).f_globals.get("__name__", "")

        def add(entry: Entry) -> Entry:
            known, owner = self._owners.get(name), _owner(registrar, entry)
            # A module that is reloaded registers its entry again.
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
        # The search for other distributions takes long. It is made only if the package's own
        # modules do not have the name.
        self._load_own()
        if name not in self._entries:
            self._load()
        return name in self._entries

    def get(self, name: str) -> T:
        """The entry called `name`.

        Raises: UsageError that lists the known names. It also names the closest one; if none is
            close, it says how to register a name of your own.
        """
        if name not in self:
            error = unknown_name(self.kind, name, self._entries)
            if closest(name, self._entries):
                raise error
            raise UsageError(
                f"{error} If your own code registers this name, import that code first; on the "
                "command line, with --import MODULE"
            )
        return self._entries[name]

    def build(self, name: str, options: Mapping[str, Any]) -> Any:
        """Call the entry called `name` with options. Each must be a parameter of the entry.

        Raises: UsageError for an unknown name or option; the errors of the entry.
        """
        import inspect

        entry: Callable[..., Any] = self.get(name)  # pyright: ignore[reportAssignmentType]
        allowed = inspect.signature(entry).parameters
        for option in options:
            if option not in allowed:
                raise unknown_name(f"option of {self.kind} {name!r}", option, allowed)
        return entry(**options)

    def name_of(self, entry: object) -> str | None:
        """The name under which `entry` is registered; None where it is not registered."""
        self._load()
        return next((name for name, known in self._entries.items() if known is entry), None)

    def registrar(self, name: str) -> str | None:
        """The module that registered `name`; None where none has. Nothing is imported for this."""
        owner = self._owners.get(name)
        return None if owner is None else owner.registrar

    def _load_own(self) -> None:
        if self._own_loaded:
            return
        import_modules(self.package)
        self._own_loaded = True

    def _load(self) -> None:
        if self._all_loaded:
            return
        self._load_own()
        from importlib.metadata import entry_points

        # Code that an entry point loads may look names up itself.
        self._all_loaded = True
        try:
            for entry_point in entry_points(group=self.package):
                self._join(entry_point)
        except BaseException:
            self._all_loaded = False
            raise

    def _join(self, entry_point: "EntryPoint") -> None:
        """Load an entry point. Raises: ExtensionError naming its distribution."""
        before = self._entries.copy(), self._owners.copy()
        try:
            entry_point.load()
        except (Exception, SystemExit) as error:
            # If a module failed half-way, the next look-up must find none of its names.
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


def import_modules(package: str) -> None:
    """Import the modules of a package, but for those whose names begin with an underscore."""
    found = pkgutil.iter_modules(import_module(package).__path__)
    for module in sorted(info.name for info in found):
        if not module.startswith("_"):
            import_module(f"{package}.{module}")


def _owner(registrar: str, entry: object) -> _Owner:
    module = getattr(entry, "__module__", type(entry).__module__)
    return _Owner(registrar, module, getattr(entry, "__qualname__", type(entry).__qualname__))


def _top(module: str) -> str:
    return module.partition(".")[0]


def _refused(entry_point: "EntryPoint", reason: str) -> ExtensionError:
    name = entry_point.dist.name if entry_point.dist else "unknown distribution"
    return ExtensionError(
        f"{name}: entry point {entry_point.name} = {entry_point.value} of {entry_point.group}: "
        f"{reason}; repair that package, or run: pip uninstall {name}"
    )

"""Find the networks of the zoo: each is a `.signbit` file and a card next to it."""

from importlib.resources import files

from signbit import strict_json
from signbit.errors import unknown_name
from signbit.format import PackedModel
from signbit.format.file import SUFFIX
from signbit.runtime.engine import Engine
from signbit.zoo._card import Card

_FOLDER = files("signbit.zoo") / "networks"


def names() -> list[str]:
    """The names of the networks that come with the package, sorted."""
    found = (entry.name for entry in _FOLDER.iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in found if name.endswith(SUFFIX))


def card(name: str) -> Card:
    """The facts about the network called `name`.

    Raises: UsageError for an unknown name.
    """
    return Card.from_dict(strict_json.loads(_entry(name, ".json")))


def read(name: str) -> bytes:
    """The bytes of the `.signbit` file of the network called `name`.

    Raises: UsageError for an unknown name.
    """
    return _entry(name, SUFFIX)


def load(name: str, threads: int = 1) -> Engine:
    """The network called `name`, ready to run.

    threads: how many threads the engine uses.

    Raises: UsageError for an unknown name.
    """
    return Engine(PackedModel.load(read(name)), threads)


def _entry(name: str, suffix: str) -> bytes:
    if name not in names():
        raise unknown_name("network of the zoo", name, names())
    return (_FOLDER / f"{name}{suffix}").read_bytes()

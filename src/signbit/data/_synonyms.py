"""Names of classes that mean the same: CIFAR-10 says `automobile`, many models of it say `car`."""

from collections.abc import Sequence

_CANONICAL = {"plane": "airplane", "car": "automobile"}


def canonical(name: str) -> str:
    """The name of a class that stands for all its synonyms; the name itself where it has none."""
    return _CANONICAL.get(name, name)


def class_places(names: Sequence[str], classes: Sequence[str]) -> list[int | None]:
    """The place in `classes` of each name, None for a name that is not known there.

    A class of the same name always comes first. Else a synonym counts, unless it is one of
    `names` itself: where both sides tell `car` from `automobile`, so does this.
    """
    exact = {name: place for place, name in enumerate(classes)}
    free = {canonical(name): place for name, place in exact.items() if name not in names}
    return [exact.get(name, free.get(canonical(name))) for name in names]

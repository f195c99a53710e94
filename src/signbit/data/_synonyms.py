"""Names of classes that mean the same: CIFAR-10 says `automobile`, many models of it say `car`."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

_GROUPS = (("airplane", "plane"), ("automobile", "car"))
_SYNONYMS = {name: group for group in _GROUPS for name in group}


def canonical(name: str) -> str:
    """The name of a class that stands for all its synonyms; the name itself where it has none."""
    return _SYNONYMS.get(name, (name,))[0]


def class_places(names: Sequence[str], classes: Sequence[str]) -> list[int | None]:
    """The place in `classes` of each name, None for a name that is not known there.

    A class of the same name always comes first. Else a synonym counts, unless it is one of
    `names` itself: where these tell `car` from `automobile`, neither stands for the other.
    """
    places = _places(tuple(classes))
    own = set(names)

    def place_of(name: str) -> int | None:
        others = (other for other in _SYNONYMS.get(name, ()) if other not in own)
        return next((places[one] for one in (name, *others) if one in places), None)

    return [place_of(name) for name in names]


@lru_cache(maxsize=8)
def _places(classes: tuple[str, ...]) -> Mapping[str, int]:
    # Cached, because each image file asks for the same classes.
    return {name: place for place, name in enumerate(classes)}

"""Class names that mean the same: CIFAR-10 says `automobile`, and many models of it say `car`."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

_GROUPS = (("airplane", "plane"), ("automobile", "car"))
_SYNONYMS = {name: group for group in _GROUPS for name in group}


def canonical(name: str) -> str:
    """The one name that stands for a class name and all its synonyms.

    A name without synonyms is returned as it is.
    """
    return _SYNONYMS.get(name, (name,))[0]


def class_places(names: Sequence[str], classes: Sequence[str]) -> list[int | None]:
    """The index in `classes` of each name; None for a name that `classes` does not contain.

    A class of the same name always comes first. Otherwise a synonym counts, unless the synonym is
    itself one of `names`: if `names` has both `car` and `automobile`, they are two classes.

    names: the class names to look up, such as those of a data set.
    classes: the class names to look in, such as those of a model.
    """
    places = _places(tuple(classes))
    own = set(names)

    def place_of(name: str) -> int | None:
        others = (other for other in _SYNONYMS.get(name, ()) if other not in own)
        return next((places[one] for one in (name, *others) if one in places), None)

    return [place_of(name) for name in names]


@lru_cache(maxsize=8)
def _places(classes: tuple[str, ...]) -> Mapping[str, int]:
    # Cached, because this is called with the same classes for each image file.
    return {name: place for place, name in enumerate(classes)}

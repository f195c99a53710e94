import pytest

from signbit.data import canonical, class_places, label_of

SHORT, LONG = ("plane", "car", "bird"), ("airplane", "automobile", "bird")


def test_every_name_of_a_class_has_one_canonical_name():
    assert [canonical(name) for name in SHORT] == [canonical(name) for name in LONG] == [*LONG]
    assert canonical(canonical("car")) == canonical("car")
    assert canonical("Car") == "Car"


@pytest.mark.parametrize(("names", "classes"), [(SHORT, LONG), (LONG, SHORT)])
def test_synonyms_match_both_ways(names, classes):
    assert class_places(names, classes) == [0, 1, 2]
    assert [label_of(f"{name}/photo.png", classes) for name in names] == [0, 1, 2]


def test_the_same_name_comes_before_a_synonym():
    both = ("car", "automobile", "plane")
    assert class_places(both, both) == [0, 1, 2]
    assert class_places(("automobile", "car"), both) == [1, 0]
    assert [label_of(f"{name}/photo.png", both) for name in both] == [0, 1, 2]
    # The model has one class for what the data has two: the other one is not that class.
    assert class_places(both, ("automobile",)) == [None, 0, None]


def test_two_classes_that_a_synonym_could_be_are_none():
    assert class_places(["cat", "tram"], LONG) == [None, None]

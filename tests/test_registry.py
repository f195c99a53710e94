"""Names are found, closest ones suggested, and two claims to one name refused."""

import sys
from importlib import import_module, reload

import pytest

from signbit.errors import DataError, UsageError
from signbit.registry import Registry


@pytest.fixture
def kinds(tmp_path, monkeypatch):
    """A registry over a package made on the spot; `add` writes one of its modules."""
    package = tmp_path / "kinds_on_disk"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from signbit.registry import Registry\nkinds = Registry('kind', 'kinds_on_disk')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def add(module: str, body: str) -> None:
        text = f"from kinds_on_disk import kinds\n{body}\n"
        (package / f"{module}.py").write_text(text)

    yield add
    for name in [name for name in sys.modules if name.startswith("kinds_on_disk")]:
        del sys.modules[name]


def load() -> Registry:
    return import_module("kinds_on_disk").kinds


def test_modules_are_imported_on_the_first_look_up_and_names_are_sorted(kinds):
    kinds("zebra", "@kinds.register('zebra')\ndef build(): return 'z'")
    kinds("ant", "@kinds.register('ant')\ndef build(): return 'a'")
    assert load()._entries == {}
    assert load().names() == ["ant", "zebra"]
    assert load().get("zebra")() == "z"


def test_private_modules_are_not_imported(kinds):
    kinds("_broken", "raise AssertionError('must not be imported')")
    assert load().names() == []


def test_unknown_name_lists_the_known_ones_and_the_closest(kinds):
    kinds("ste", "@kinds.register('ste_sign')\ndef build(): ...")
    with pytest.raises(
        UsageError, match=r"^unknown kind 'ste-sign'; known: ste_sign\. Did you mean 'ste_sign'\?$"
    ):
        load().get("ste-sign")


def test_unknown_name_in_an_empty_registry_says_none(kinds):
    with pytest.raises(UsageError, match=r"^unknown kind 'x'; known: none\.$"):
        load().get("x")


def test_two_modules_with_one_name_are_both_told(kinds):
    kinds("one", "@kinds.register('same')\ndef build(): ...")
    kinds("two", "@kinds.register('same')\ndef build(): ...")
    with pytest.raises(
        RuntimeError,
        match=r"kind 'same' .* kinds_on_disk\.one\.build and kinds_on_disk\.two\.build",
    ):
        load().names()


def test_two_things_of_one_module_with_one_name_are_both_told():
    kinds = Registry("kind", "nowhere")
    kinds.register("same")(UsageError)
    with pytest.raises(RuntimeError, match=r"UsageError and signbit\.errors\.DataError"):
        kinds.register("same")(DataError)


def test_a_module_that_is_reloaded_replaces_its_own_entry(kinds):
    kinds("one", "@kinds.register('same')\ndef build(): ...")
    before = load().get("same")
    reload(import_module("kinds_on_disk.one"))
    assert load().get("same") is not before


def test_other_distributions_join_by_entry_point(kinds, monkeypatch):
    class Joining:
        def load(self) -> None:
            load().register("guest")(UsageError)

    asked = []
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: (asked.append(group), [Joining()])[1]
    )
    kinds("one", "@kinds.register('own')\ndef build(): ...")
    assert "own" in load()
    assert not asked  # looking for them takes long
    assert load().get("guest") is UsageError
    assert load().names() == ["guest", "own"]
    assert asked == ["kinds_on_disk"]


def test_name_of_finds_the_name_and_says_none_for_strangers(kinds):
    kinds("one", "@kinds.register('first')\ndef build(): ...")
    assert load().name_of(load().get("first")) == "first"
    assert load().name_of(object()) is None


def test_register_returns_what_it_decorates():
    assert Registry("kind", "nowhere").register("name")(UsageError) is UsageError

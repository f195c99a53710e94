"""Names are found, closest ones suggested, and two claims to one name refused."""

import re
import sys
from importlib import import_module, reload

import pytest

from signbit.errors import DataError, ExtensionError, UsageError
from signbit.registry import Registry, registrations


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
    with pytest.raises(UsageError, match=r"^unknown kind 'x'; known: none\. "):
        load().get("x")


def test_an_unknown_name_like_no_other_may_be_that_of_code_to_import(kinds):
    kinds("ste", "@kinds.register('ste_sign')\ndef build(): ...")
    with pytest.raises(
        UsageError,
        match=r"known: ste_sign\. If your own code registers this name, .* --import MODULE$",
    ):
        load().get("my_own")


def test_every_registration_is_noted_with_the_module_that_made_it(kinds):
    kinds("one", "@kinds.register('first')\ndef build(): ...")
    before = len(registrations())
    registry = load()
    assert registry.registrar("first") is None  # nothing is loaded for it
    registry.names()
    assert registrations()[before:] == ((registry, "first", "kinds_on_disk.one"),)
    assert registry.registrar("first") == "kinds_on_disk.one"


def test_two_modules_with_one_name_are_both_told(kinds):
    kinds("one", "@kinds.register('same')\ndef build(): ...")
    kinds("two", "@kinds.register('same')\ndef build(): ...")
    with pytest.raises(
        ExtensionError,
        match=r"kind 'same' .* kinds_on_disk\.one\.build and kinds_on_disk\.two\.build",
    ):
        load().names()


def test_two_things_of_one_module_with_one_name_are_both_told():
    kinds = Registry("kind", "nowhere")
    kinds.register("same")(UsageError)
    with pytest.raises(ExtensionError, match=r"UsageError and signbit\.errors\.DataError"):
        kinds.register("same")(DataError)


def test_a_module_that_is_reloaded_replaces_its_own_entry(kinds):
    kinds("one", "@kinds.register('same')\ndef build(): ...")
    before = load().get("same")
    reload(import_module("kinds_on_disk.one"))
    assert load().get("same") is not before


@pytest.fixture
def installed(tmp_path):
    """Puts distributions next to the package, each with a module and its entry point."""
    modules = []

    def install(body: str, value: str = "guest", name: str = "guest") -> None:
        modules.append(name)
        (tmp_path / f"{name}.py").write_text(f"from kinds_on_disk import kinds\n{body}\n")
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[kinds_on_disk]\nthings = {value}\n")

    yield install
    for name in modules:
        sys.modules.pop(name, None)


REGISTER = "@kinds.register({!r})\ndef build(): ..."


def test_other_distributions_join_by_entry_point(kinds, installed):
    installed(REGISTER.format("foreign"))
    kinds("one", REGISTER.format("own"))
    assert "own" in load()
    assert "guest" not in sys.modules  # looking for them takes long
    assert load().get("foreign").__module__ == "guest"
    assert load().names() == ["foreign", "own"]


FAILURES = {
    "its import fails": (
        REGISTER.format("half") + "\nimport nothing_of_this_name",
        "guest",
        r"loading it raised ModuleNotFoundError: No module named 'nothing_of_this_name'",
    ),
    "it ends Python": ("import sys\nsys.exit(3)", "guest", "loading it raised SystemExit: 3"),
    "its module is missing": ("", "gone", "loading it raised ModuleNotFoundError: No module named"),
    "its value is missing": (
        "",
        "guest:gone",
        "loading it raised AttributeError: module 'guest' has",
    ),
    "its value is no name": ("", "(guest)", "loading it raised AttributeError"),
    "it registers nothing": ("", "guest", "loading it registered no kind"),
    "it claims a taken name": (
        REGISTER.format("own"),
        "guest",
        r"kind 'own' is registered by both kinds_on_disk\.one\.build and guest\.build; give one",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_distribution_that_cannot_join_is_named_each_time(kinds, installed, case):
    body, value, reason = FAILURES[case]
    installed(body, value)
    installed(REGISTER.format("good"), "another", "another")
    kinds("one", REGISTER.format("own"))
    start = rf"^guest: entry point things = {re.escape(value)} of kinds_on_disk: "
    for look_up in (load().names, lambda: load().get("half"), load().names):
        with pytest.raises(ExtensionError, match=start + reason) as found:
            look_up()
        assert "\n" not in str(found.value)
        assert str(found.value).endswith("; repair that package, or run: pip uninstall guest")
    assert load().get("own").__module__ == "kinds_on_disk.one"


def test_what_an_entry_point_loads_may_look_names_up(kinds, installed):
    installed(f"{REGISTER.format('foreign')}\nfound = kinds.names()")
    kinds("one", REGISTER.format("own"))
    assert load().names() == ["foreign", "own"]
    assert import_module("guest").found == ["foreign", "own"]


def test_two_objects_of_one_class_with_one_name_are_both_told(kinds):
    body = "from fractions import Fraction\nkinds.register('same')(Fraction({}))"
    kinds("one", body.format(1))
    kinds("two", body.format(2))
    with pytest.raises(
        ExtensionError,
        match=r"kind 'same' is registered by both kinds_on_disk\.one and kinds_on_disk\.two",
    ):
        load().names()


def test_name_of_finds_the_name_and_says_none_for_strangers(kinds):
    kinds("one", "@kinds.register('first')\ndef build(): ...")
    assert load().name_of(load().get("first")) == "first"
    assert load().name_of(object()) is None


def test_register_returns_what_it_decorates():
    assert Registry("kind", "nowhere").register("name")(UsageError) is UsageError

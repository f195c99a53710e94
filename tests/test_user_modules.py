"""Modules of the user's are found by name, imported and checked; each mistake is one line."""

import os
import sys
from pathlib import Path

import pytest
from helpers.user_modules import forgotten_imports

from signbit.data import datasets
from signbit.errors import ExtensionError, SignbitError, UsageError
from signbit.user_modules import import_user_module, is_module_name, not_imported, place_of

DATA = """
from signbit.data import datasets

@datasets.register({!r})
def read(request):
    raise NotImplementedError
"""
KINDS = """
from signbit.registry import Registry

kinds = Registry("kind", "ours_kinds")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    with forgotten_imports():
        yield tmp_path


def write(folder: Path, name: str, text: str) -> None:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


@pytest.mark.parametrize("name", ["a", "my_project.models", "_a.b1", "ä.b"])
def test_names_of_modules_are_identifiers_joined_by_dots(name):
    assert is_module_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "a.", ".a", "a..b", "a-b", "a b", "a/b", "../a", "1a", "a.import"),
        *("a\n", "a" * 201, None, 3, ["a"]),
    ],
)
def test_other_things_are_no_names_of_modules(name):
    assert not is_module_name(name)


@pytest.mark.parametrize("package", [True, False])
def test_a_module_in_the_current_folder_is_imported_and_the_folder_stays_on_the_path(
    folder, package
):
    write(folder, "ours_a/data.py", DATA.format("ours_a"))
    write(folder, "ours_a/later.py", "")
    if package:
        write(folder, "ours_a/__init__.py", "")
    assert place_of("ours_a.data", "x") == str(folder / "ours_a")
    assert str(folder) not in sys.path
    assert import_user_module("ours_a.data", "x") == str(folder / "ours_a")
    assert "ours_a" in datasets
    assert sys.path[0] == str(folder)
    assert not_imported(["ours_a.data", "ours_a.later"]) == ["ours_a.later"]
    import_user_module("ours_a.data", "x")  # once more does nothing


def test_a_module_elsewhere_leaves_the_current_folder_off_the_path(folder, monkeypatch):
    write(folder, "lib/ours_b.py", DATA.format("ours_b"))
    write(folder, "ours_c.py", "raise AssertionError('must not be imported')")
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder / "lib")])
    assert import_user_module("ours_b", "x") == str(folder / "lib/ours_b.py")
    assert str(folder) not in sys.path
    with pytest.raises(ModuleNotFoundError):
        __import__("ours_c")


def test_the_current_folder_comes_first(folder, monkeypatch):
    write(folder, "lib/ours_d.py", "raise AssertionError('must not be imported')")
    write(folder, "ours_d.py", DATA.format("ours_d"))
    monkeypatch.setattr(sys, "path", [str(folder / "lib"), *sys.path])
    assert import_user_module("ours_d", "x") == str(folder / "ours_d.py")


def test_finding_a_module_executes_nothing(folder):
    write(folder, "ours_e/__init__.py", "raise AssertionError('must not be imported')")
    assert place_of("ours_e.data", "x") == str(folder / "ours_e")


def test_a_package_of_two_folders_lies_in_both(folder, monkeypatch):
    write(folder, "ours_f/one.py", "")
    write(folder, "lib/ours_f/two.py", "")
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder / "lib")])
    both = [str(folder / "ours_f"), str(folder / "lib/ours_f")]
    assert place_of("ours_f.one", "x") == os.pathsep.join(both)


def test_what_a_module_prints_goes_to_standard_error(folder, capsys):
    write(folder, "ours_g.py", "print('said')\n" + DATA.format("ours_g"))
    import_user_module("ours_g", "x")
    assert capsys.readouterr() == ("", "said\n")


FAILURES = {
    "a path": (
        "ours/models.py",
        {},
        UsageError,
        "'ours/models.py' is not the name of a module; give",
    ),
    "a keyword": ("ours.import", {}, UsageError, "'ours.import' is not the name of a module"),
    "letters of control": ("ours\x1b", {}, UsageError, r"'ours\\x1b' is not the name of a module"),
    "nowhere": ("ours_h", {}, UsageError, "no module 'ours_h' in the folder {} or on Python's "),
    "the program": ("__main__.a", {}, UsageError, "no module '__main__' in the folder"),
    "a wrong first part": (
        "our_i.data",
        {"ours_i/data.py": ""},
        UsageError,
        "no module 'our_i' in the folder {} or on Python's path; run in the folder that holds it, "
        "name that folder in PYTHONPATH, or install it. Did you mean 'ours_i.data'?",
    ),
    "a wrong last part": (
        "ours_j.date",
        {"ours_j/__init__.py": "", "ours_j/data.py": ""},
        UsageError,
        "ours_j has no 'date'. Did you mean 'ours_j.data'?",
    ),
    "a part of a module": ("ours_k.data", {"ours_k.py": ""}, UsageError, "ours_k has no 'data'."),
    "its own import is missing": (
        "ours_l",
        {"ours_l.py": "import ours_m"},
        UsageError,
        "importing it raised ModuleNotFoundError: No module named 'ours_m'",
    ),
    "it raises": (
        "ours_n",
        {"ours_n.py": "raise RuntimeError('no\\nluck')"},
        UsageError,
        "importing it raised RuntimeError: no",
    ),
    "it ends Python": (
        "ours_o",
        {"ours_o.py": "import sys\nsys.exit(3)"},
        UsageError,
        "importing it raised SystemExit: 3",
    ),
    "it is no Python": (
        "ours_p",
        {"ours_p.py": "x = ("},
        UsageError,
        "importing it raised SyntaxError: '(' was never closed (ours_p.py, line 1)",
    ),
    "it registers nothing": (
        "ours_q",
        {"ours_q.py": ""},
        UsageError,
        "the module registers nothing; ",
    ),
    "only signbit registers": (
        "ours_r",
        {"ours_r.py": f"exec({DATA.format('pretended')!r}, {{'__name__': 'signbit'}})"},
        UsageError,
        "the module registers nothing; name the module",
    ),
    "a taken name": (
        "ours_s",
        {"ours_s.py": DATA.format("digits")},
        ExtensionError,
        "data set 'digits' is registered by both",
    ),
    "a name that a registry has, but has not loaded yet": (
        "ours_u",
        {
            "ours_kinds/__init__.py": KINDS,
            "ours_kinds/one.py": "from ours_kinds import kinds\nkinds.register('same')(print)",
            "ours_u.py": "from ours_kinds import kinds\nkinds.register('same')(len)",
        },
        ExtensionError,
        "kind 'same' is registered by both builtins.len and builtins.print; give one",
    ),
    "a name twice": (
        "ours_t",
        {"ours_t.py": DATA.format("twice") + DATA.format("twice").replace("read", "other")},
        ExtensionError,
        "data set 'twice' is registered by both ours_t.read and ours_t.other",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_each_mistake_is_one_line_that_says_who_names_the_module(folder, case):
    module, files, kind, says = FAILURES[case]
    for name, text in files.items():
        write(folder, name, text)
    with pytest.raises(SignbitError) as error:
        import_user_module(module, "--import it")
    assert type(error.value) is kind
    assert str(error.value).startswith("--import it: " + says.format(folder))
    assert "\n" not in str(error.value)

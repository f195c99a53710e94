"""The command explain: readable everywhere, the same in a file, one line for a mistake."""

import json
import subprocess
import sys

import pytest

from signbit.cli import main
from signbit.cli._explanation import Explanation, random_bits


def run(*arguments: str) -> int:
    """The exit code of `signbit explain`."""
    try:
        main(["explain", *arguments])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def assert_one_line_mistake(capsys, text: str, *arguments: str) -> None:
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert text in printed.err


def test_the_contract_example_is_worked_out_three_ways(capsys):
    assert run("--a", "10110", "--w", "01100") == 0
    printed = capsys.readouterr()
    assert "sum of a*w                  = -1" in printed.out
    assert "= 2 * 2 - 5 = -1" in printed.out
    assert "= 5 - 2 * 3 = -1" in printed.out
    assert "000000000000000d  0000000000000006  000000000000000b     3" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize("length", [1, 5, 24, 25, 63, 64, 65, 200, 2000, 65536])
def test_any_length_fits_a_terminal_of_eighty_columns(capsys, length):
    assert run("--length", str(length), "--seed", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) < 120
    expected = Explanation(*random_bits(length, 1)).dot
    assert sum(line.endswith(f"= {expected:+d}") for line in lines) == 4
    assert not any(line != line.rstrip() for line in lines)


def test_output_to_a_pipe_has_no_control_codes(capsys):
    assert run("--length", "100", "--seed", "1") == 0
    text = capsys.readouterr().out
    assert text.isascii()
    assert text.replace("\n", "").isprintable()


def test_random_bits_say_how_to_get_them_again(capsys):
    assert run("--length", "12") == 0
    first = capsys.readouterr()
    again = first.err.split("again, give ")[1].split()
    assert run(*again) == 0
    assert capsys.readouterr().out == first.out


def test_json_holds_the_result(capsys, tmp_path):
    file = tmp_path / "result.json"
    assert run("--a", "10110", "--w", "01100", "--json", str(file)) == 0
    assert json.loads(file.read_text()) == Explanation("10110", "01100").to_dict()


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("--a is given without --w; give both", ["--a", "1"]),
        ("--w is given without --a; give both", ["--w", "1"]),
        ("a is empty", ["--a", "", "--w", ""]),
        ("a has '2' at position 1", ["--a", "12", "--w", "11"]),
        ("a has 3 bits, w has 2 bits", ["--a", "101", "--w", "10"]),
        ("length is 0; give 1 to 65536 bits", ["--length", "0"]),
        ("--length and --seed are for random bits", ["--a", "1", "--w", "1", "--length", "1"]),
        ("--length and --seed are for random bits", ["--a", "1", "--w", "1", "--seed", "0"]),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_two(capsys, text, arguments):
    assert_one_line_mistake(capsys, text, *arguments)


def test_pictures_are_drawn_and_named(capsys, tmp_path):
    assert run("--a", "1", "--w", "1", "--pictures", str(tmp_path / "new")) == 0
    assert str(tmp_path / "new" / "quantizers.png") in capsys.readouterr().err
    assert (tmp_path / "new" / "quantizers.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_cannot_be_made_fails_before_anything_is_printed(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert run("--a", "1", "--w", "1", "--pictures", str(tmp_path / "file")) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "cannot write" in printed.err


WITHOUT = """
import sys
for name in ("torch", "matplotlib", "lightning"):
    sys.modules[name] = None
from signbit.cli import main
main(["explain", "--a", "10110", "--w", "01100", *sys.argv[1:]])
"""


def test_without_torch_it_explains_and_says_what_pictures_need(tmp_path):
    command = [sys.executable, "-c", WITHOUT]
    plain = subprocess.run(command, capture_output=True, text=True)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert "Step by step" in plain.stdout
    drawn = subprocess.run([*command, "--pictures", str(tmp_path)], capture_output=True, text=True)
    assert (drawn.returncode, drawn.stdout) == (1, "")
    assert drawn.stderr == (
        "signbit: pictures need torch; install it with: pip install 'signbit[train]'\n"
    )

import subprocess
import sys
from pathlib import Path

from fuzz.fuzz_file import GOLDEN, mutated
from helpers.files import parts

SCRIPT = Path(__file__).with_name("fuzz_file.py")


def run(*arguments, cwd):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_files_of_larq_are_read_or_refused(tmp_path):
    command = [sys.executable, str(SCRIPT.with_name("fuzz_larq.py")), "--count", "150"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    loaded = int(done.stdout.partition(": ")[2].split()[0])
    assert 10 < loaded < 140


def test_some_mutations_load_and_the_others_are_refused(tmp_path):
    done = run("--count", 1000, "--seed", 7, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    loaded = int(done.stdout.partition(": ")[2].split()[0])
    assert 20 < loaded < 900
    assert not list(tmp_path.iterdir())


def entries_of(graph, field):
    """The inputs or outputs of some metadata, where they are a list."""
    return graph[field] if isinstance(graph.get(field), list) else []


def test_mutations_reach_every_field_of_inputs_and_outputs():
    """Changed, left out and, of an entry as a whole, repeated."""
    before = parts((GOLDEN / "ends.signbit").read_bytes())[1]
    changed, missing, lengths = set(), set(), set()
    for number in range(12_000):
        try:
            graph = parts(mutated(number))[1]
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if not isinstance(graph, dict) or "inputs" not in graph:
            continue
        for field in ("inputs", "outputs"):
            found = entries_of(graph, field)
            lengths.add((field, len(found) - len(before[field])))
            if len(found) != len(before[field]):
                continue
            for one, entry in zip(found, before[field], strict=True):
                if isinstance(one, dict):
                    missing |= {(field, name) for name in entry if name not in one}
                    changed |= {(field, k) for k in entry if k in one and one[k] != entry[k]}
    wanted = {(field, name) for field in ("inputs", "outputs") for name in before[field][0]}
    assert changed == wanted
    assert missing == wanted
    assert {(field, more) for field in ("inputs", "outputs") for more in (-1, 1)} <= lengths

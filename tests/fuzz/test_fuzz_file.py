import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("fuzz_file.py")


def run(*arguments, cwd):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_some_mutations_load_and_the_others_are_refused(tmp_path):
    done = run("--count", 1000, "--seed", 7, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    loaded = int(done.stdout.partition(": ")[2].split()[0])
    assert 20 < loaded < 900
    assert not list(tmp_path.iterdir())

"""Programs that the tests of exporters call."""

import subprocess
from pathlib import Path


def run(*command: object, folder: Path, code: int = 0) -> str:
    """What a program in `folder` prints; fails unless it ends with `code`."""
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr

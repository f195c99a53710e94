"""A command line to call, and a model to call it with."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from signbit.cli import main


@dataclass
class Command:
    """Runs `signbit` in this process and asserts how it ends."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object) -> tuple[str, str]:
        """Standard output and standard error of a command that succeeds."""
        code, out, err = self._run(arguments)
        assert code == 0, err
        assert "\x1b" not in out
        return out, err

    def refused(self, *arguments: object, code: int, says: str) -> str:
        """Standard output of a command that ends with one line about what is wrong."""
        found, out, err = self._run(arguments)
        assert found == code, err
        assert "Traceback" not in err
        last = err.splitlines()[-1]
        assert last.startswith("signbit: ")
        assert says in last
        return out

    def _run(self, arguments: tuple[object, ...]) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = self.capsys.readouterr()
        return stop.value.code, captured.out, captured.err


@pytest.fixture
def signbit(capsys: pytest.CaptureFixture[str]) -> Command:
    """Call it with the arguments of a command."""
    return Command(capsys)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network for digits, untrained, in a run folder; returns the file."""
    import torch

    from signbit.format import Preprocessing
    from signbit.models import Architecture, save_model

    torch.manual_seed(5)
    architecture = Architecture("digits_binary", {"width": 4})
    module = architecture.build()
    module(torch.randn(256, 1, 8, 8))
    preprocessing = Preprocessing([2 / 255], [-1.0], (8, 8), tuple(map(str, range(10))))
    path = tmp_path_factory.mktemp("run") / "last.safetensors"
    save_model(path, module.eval(), architecture, preprocessing)
    return path

"""Drives a headless Chromium by its devtools protocol, through a pair of pipes."""

import json
import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any


class Browser:
    """One tab. Chromium reads commands from descriptor 3 and answers on 4, each ended by a zero."""

    def __init__(self, chromium: str, profile: Path) -> None:
        read_commands, write_commands = os.pipe()
        read_answers, write_answers = os.pipe()
        moved = f'exec "$@" 3<&{read_commands} 4>&{write_answers}'
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        self._process = subprocess.Popen(
            ["bash", "-c", moved, "bash", chromium, *options, f"--user-data-dir={profile}"],
            pass_fds=(read_commands, write_answers),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        self._commands = os.fdopen(write_commands, "wb", buffering=0)
        self._answers = os.fdopen(read_answers, "rb")
        self._rest = b""
        self._number = 0
        self._session: dict[str, str] = {}
        tab = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=tab, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}

    def __enter__(self) -> "Browser":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._commands.close()
        self._answers.close()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A method of the protocol; events that arrive before its answer are dropped."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params} | self._session
        self._commands.write(json.dumps(command).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def value(self, script: str) -> Any:
        """What an expression in JavaScript gives in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, script: str, seconds: float = 60) -> Any:
        """The first value of an expression that JavaScript takes for true."""
        end = time.monotonic() + seconds
        while not (value := self.value(script)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.05)
        return value

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._answers.fileno(), 1 << 16)
            assert more, "Chromium ended"
            self._rest += more
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

"""The compiled engine; see csrc/bindings.cc."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

def isas() -> list[str]: ...
def operations() -> list[str]: ...
def limit_of(isa: str, /) -> str: ...
def run_limit(isa: str, rounds: int, /) -> float: ...
def seconds_to_read(words: NDArray[np.uint64], /) -> float: ...

_Node = tuple[
    str, list[int], dict[str, list[float]], dict[str, list[str]], dict[str, NDArray[np.uint8]]
]

class Engine:
    def __init__(
        self,
        types: list[tuple[Any, ...]],
        nodes: list[_Node],
        outputs: list[int],
        threads: int,
        isa: str,
        /,
    ) -> None: ...
    @property
    def isa(self) -> str: ...
    @property
    def threads(self) -> int: ...
    @property
    def step_nodes(self) -> list[int]: ...
    @property
    def takes_normalized(self) -> bool: ...
    def run(
        self,
        inputs: list[NDArray[Any]],
        outputs: list[NDArray[Any]],
        normalized: bool,
        seconds: NDArray[np.float64] | None,
        signals: bool,
        /,
    ) -> None: ...

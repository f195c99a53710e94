"""The place of this process among those that `torchrun` has started to do one job together."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """The number of this process, its rank, and how many processes there are.

    number: from 0. Rank 0 alone writes files and messages.
    local: the number among the processes of this machine, which is that of its GPU.
    local_count: how many processes there are on this machine.
    restarts: how often `torchrun` has started all of them again.
    """

    number: int = 0
    count: int = 1
    local: int = 0
    local_count: int = 1
    restarts: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which there always is."""
        return self.number == 0

    def share(self, things: Sequence[T]) -> Sequence[T]:
        """Every count-th of the things, from that at `number` on. No two ranks get the same one."""
        return things if self.count == 1 else things[self.number :: self.count]


def ranks_here() -> Ranks:
    """What `torchrun` says in the environment; one process where it has not started this one."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Ranks()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT")
    return Ranks(*(int(os.environ[name]) for name in names))

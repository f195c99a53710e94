"""The place of this process among those that `torchrun` has started to do one job together."""

import os
from dataclasses import dataclass
from typing import Any

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT")


@dataclass(frozen=True)
class Ranks:
    """The number of this process, its rank, and how many processes there are.

    number: from 0. Rank 0 alone writes files and messages.
    local: the number among the processes of this machine, which is that of its GPU.
    local_count: how many processes there are on this machine.
    restarts: how often `torchrun` of this machine has started its processes again.
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

    def share(self, things: Any) -> Any:
        """Every count-th of a sequence or tensor, from that at `number` on.

        No two ranks get the same one.
        """
        return things if self.count == 1 else things[self.number :: self.count]


def is_of_torchrun() -> bool:
    """Whether `torchrun` has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def ranks_here() -> Ranks:
    """What `torchrun` says in the environment; one process where it has not started this one."""
    if not is_of_torchrun():
        return Ranks()
    return Ranks(*(int(os.environ[name]) for name in _VARIABLES))

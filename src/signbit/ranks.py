"""The rank of this process among the processes that `torchrun` has started for one job."""

import os
from dataclasses import dataclass
from typing import Any

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT")


@dataclass(frozen=True)
class Ranks:
    """The rank of this process, and the number of processes.

    number: the rank, from 0. Only rank 0 writes files and messages.
    count: number of processes of the job.
    local: rank among the processes on this machine; the process uses the GPU of this number.
    local_count: number of processes on this machine.
    restarts: how often the `torchrun` of this machine has restarted its processes.
    """

    number: int = 0
    count: int = 1
    local: int = 0
    local_count: int = 1
    restarts: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0. Every job has a rank 0."""
        return self.number == 0

    def share(self, things: Any) -> Any:
        """This rank's part of a sequence or tensor: every `count`-th element, from `number` on.

        Each element is in the part of exactly one rank.
        """
        return things if self.count == 1 else things[self.number :: self.count]


def is_of_torchrun() -> bool:
    """Whether `torchrun` has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def ranks_here() -> Ranks:
    """The ranks that `torchrun` writes into the environment; without `torchrun`, one process."""
    if not is_of_torchrun():
        return Ranks()
    return Ranks(*(int(os.environ[name]) for name in _VARIABLES))

"""Connect the processes that `torchrun` has started, also after a restart."""

import time
from functools import cache
from typing import Any
from uuid import uuid4

import torch.distributed as dist
from torch.distributed.constants import default_pg_timeout

from signbit.errors import TrainingError
from signbit.ranks import Ranks, is_of_torchrun

_POLL_SECONDS = 0.01


def fresh_store(ranks: Ranks) -> Any:
    """A store that all ranks share, without entries of earlier processes.

    After a restart, `torchrun` gives the processes the same store as before. It still has the
    addresses of processes that have ended. A process that reads such an address waits forever. The
    number of restarts does not help, because it differs between machines
    (github.com/pytorch/pytorch/issues/135712). So each process makes a name for itself, and rank 0
    replies to this name.
    """
    store = _store_of_torchrun()
    session = uuid4().hex if ranks.is_first else _enter(store, ranks)
    if ranks.is_first:
        _admit(store, session, ranks)
    return _part(store, session)


def note_refusal(place: str) -> None:
    """Leave a note that a place was refused, for processes that `torchrun` starts later."""
    if is_of_torchrun():
        _store_of_torchrun().set(f"refused/{place}", "")


def was_refused(place: str) -> bool:
    """Whether an earlier process of the same `torchrun` has refused a place."""
    return is_of_torchrun() and _store_of_torchrun().check([f"refused/{place}"])


@cache
def _store_of_torchrun() -> Any:
    return _part(next(dist.rendezvous("env://"))[0], "signbit")  # pyright: ignore


def _part(store: Any, prefix: str) -> Any:
    return dist.PrefixStore(prefix, store)  # pyright: ignore[reportPrivateImportUsage]


def _enter(store: Any, ranks: Ranks) -> str:
    """The session that rank 0 has opened."""
    name = uuid4().hex
    store.set(f"name/{ranks.number}", name)
    session = store.get(f"session/{name}").decode()  # waits until the entry exists
    store.set(f"{session}/entered/{ranks.number}", "")
    return session


def _admit(store: Any, session: str, ranks: Ranks) -> None:
    """Tell the session to all other ranks. Raises: TrainingError if a rank does not come."""
    deadline = time.monotonic() + default_pg_timeout.total_seconds()
    missing = set(range(1, ranks.count))
    while missing:
        for rank in sorted(missing):
            # The name may be that of an earlier process. The new process then replaces it.
            if store.check([f"name/{rank}"]):
                store.set(f"session/{store.get(f'name/{rank}').decode()}", session)
            if store.check([f"{session}/entered/{rank}"]):
                missing.remove(rank)
        if time.monotonic() > deadline:
            raise TrainingError(
                f"{len(missing)} of {ranks.count} processes have not started the training within "
                f"{default_pg_timeout}; look at their messages"
            )
        time.sleep(_POLL_SECONDS)

"""Messages between the processes that train together."""

import atexit
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from signbit.errors import SignbitError, TrainingError
from signbit.ranks import Ranks, ranks_here
from signbit.train._rendezvous import fresh_store

T = TypeVar("T")
Error = TypeVar("Error", bound=SignbitError)


class Group:
    """The processes that train together: those that `torchrun` started, or a single one.

    All ranks must call its methods, in the same order.
    """

    def __init__(self, ranks: Ranks, messages: Any = None):
        self.ranks, self._messages = ranks, messages

    @classmethod
    def join(cls, device: torch.device) -> "Group":
        """The group of all processes. It exists until the process ends, and serves later runs too.

        Tensors are sent by NCCL between GPUs, and otherwise by gloo. All other values are sent by
        gloo.
        """
        ranks = ranks_here()
        if ranks.count == 1:
            return cls(ranks)
        if not dist.is_initialized():
            on_gpus = device.type == "cuda"
            if on_gpus:
                torch.cuda.set_device(device)
            dist.init_process_group(
                "nccl" if on_gpus else "gloo",
                store=fresh_store(ranks),
                rank=ranks.number,
                world_size=ranks.count,
                device_id=device if on_gpus else None,
            )
            atexit.register(_leave)
        plain = dist.get_backend() != "nccl"
        return cls(ranks, None if plain else dist.new_group(backend="gloo"))

    def all_of(self, value: T) -> list[T]:
        """The values of all ranks, in the order of the ranks."""
        if self.ranks.count == 1:
            return [value]
        values: list[Any] = [None] * self.ranks.count
        dist.all_gather_object(values, value, group=self._messages)
        return values

    def of_first(self, value: T) -> T:
        """The value of rank 0."""
        return self.all_of(value)[0]

    def together(self, work: Callable[[], T]) -> T:
        """Call `work` in every rank. If one rank fails, all ranks fail, so that none waits.

        Raises: the error of this rank; TrainingError with the message of another rank.
        """
        failure: Exception | None = None
        result: Any = None
        try:
            result = work()
        except Exception as error:
            failure = error
        messages = self.all_of(None if failure is None else str(failure))
        failed = [rank for rank, message in enumerate(messages) if message is not None]
        if not failed:
            return result
        if failure is None:
            failure = TrainingError(f"rank {failed[0]}: {messages[failed[0]]}")
        raise self.told_once(failure) if isinstance(failure, SignbitError) else failure

    def told_once(self, error: Error) -> Error:
        """Mark an error that all ranks raise, so that only rank 0 reports it to the user."""
        error.is_told = not self.ranks.is_first
        return error

    def take_of_first(self, value: Tensor) -> None:
        """Overwrite a tensor with the values that it has in rank 0, in place."""
        if self.ranks.count > 1:
            dist.broadcast(value, 0)

    def add(self, value: Tensor) -> Tensor:
        """The sum over all ranks, in place."""
        if self.ranks.count > 1:
            dist.all_reduce(value)
        return value


ALONE = Group(Ranks())


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()

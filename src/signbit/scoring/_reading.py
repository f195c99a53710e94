"""Read files in a few threads before the network needs them."""

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from numpy.typing import NDArray
from PIL import Image

from signbit.errors import DataError

READERS = 4

File = TypeVar("File")


def read_ahead(
    paths: Iterable[File], read: Callable[[File], NDArray[Any]], batch_size: int
) -> Iterator[list[tuple[File, NDArray[Any] | DataError]]]:
    """Yield batches of files, as arrays or errors. Threads read the next batch at the same time.

    paths: paths, or any other objects that `read` accepts.
    """

    def attempt(path: File) -> tuple[File, NDArray[Any] | DataError]:
        try:
            return path, read(path)
        except DataError as error:
            return path, error

    waiting: deque[Future[tuple[File, NDArray[Any] | DataError]]] = deque()
    remaining = iter(paths)
    with _filters_of_readers(), ThreadPoolExecutor(READERS) as pool:
        try:
            while True:
                missing = 2 * batch_size - len(waiting)
                waiting += [pool.submit(attempt, path) for path in islice(remaining, missing)]
                if not waiting:
                    return
                yield [waiting.popleft().result() for _ in range(min(batch_size, len(waiting)))]
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def _filters_of_readers() -> Iterator[None]:
    """Set the warning filters of `read_image` before its threads start.

    All threads of a process share the filters. If several threads set and restore them, the last
    one may restore the filters of another thread. Here every thread finds the same filters, so it
    does not matter which are restored last.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield

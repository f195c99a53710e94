"""Read files in a few threads, ahead of the network that takes them."""

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from signbit.errors import DataError

READERS = 4

Read = tuple[Path, NDArray[Any] | DataError]


def read_ahead(
    paths: Iterable[Path], read: Callable[[Path], NDArray[Any]], batch_size: int
) -> Iterator[list[Read]]:
    """Batches of files as arrays or errors; a few threads read the next while one is in use."""

    def attempt(path: Path) -> Read:
        try:
            return path, read(path)
        except DataError as error:
            return path, error

    waiting: deque[Future[Read]] = deque()
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
    """Set the warning filters of `read_image` around all its threads.

    Filters belong to the process. If threads set and restore them in turn, the last one may restore
    the filters that another thread had set. Here every thread finds the same filters, so it does
    not matter which are restored last.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield

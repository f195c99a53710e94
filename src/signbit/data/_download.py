"""Fetch a file over the network. The file appears only when it is whole and verified."""

import hashlib
from collections.abc import Generator
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from signbit.errors import DataError
from signbit.files import atomic_path
from signbit.progress import progress_bar

TIMEOUT_SECONDS = 30.0
MAX_BYTES = 2**28  # the largest archive, CIFAR-10, has 170 MB
_CHUNK_BYTES = 2**18


def fetch(address: str, md5: str, path: Path) -> None:
    """Download `address` to `path`, with a progress bar on standard error.

    Raises: DataError where the network or the server fails, where more than MAX_BYTES arrive, and
        where the checksum differs; OutputError where the file cannot be written. After an error
        `path` is as it was before.
    """
    digest = hashlib.md5(usedforsecurity=False)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        with closing(_chunks(address)) as chunks:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != md5:
            raise DataError(
                f"{address}: the downloaded file has the checksum {digest.hexdigest()} instead of "
                f"{md5}. Nothing was kept; try again, or fetch the data from another place."
            )


def _chunks(address: str) -> Generator[bytes]:
    received = 0
    try:
        with urlopen(address, timeout=TIMEOUT_SECONDS) as response:
            total: int | None = response.length
            name = urlsplit(address).path.rpartition("/")[2]
            with progress_bar(name, total, in_bytes=True) as advance:
                while chunk := response.read(_CHUNK_BYTES):
                    received += len(chunk)
                    if received > MAX_BYTES:
                        raise DataError(
                            f"{address}: the server sent more than {MAX_BYTES} bytes; nothing was "
                            "kept; get the files in another way and give their folder with "
                            "--data-dir"
                        )
                    advance(len(chunk))
                    yield chunk
    except HTTPError as error:
        error.close()  # it holds the connection
        raise _failed(address, str(error)) from error
    except (OSError, HTTPException) as error:
        # urllib wraps the error of the network.
        told = error.reason if isinstance(error, URLError) else error
        raise _failed(address, str(told) or type(told).__name__) from error
    if total is not None and received < total:
        raise _failed(address, f"the connection broke after {received} of {total} bytes")


def _failed(address: str, reason: str) -> DataError:
    return DataError(
        f"{address} could not be downloaded: {reason}. Check the network and try again, "
        "or get the files in another way and give their folder with --data-dir."
    )

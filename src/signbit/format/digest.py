"""A file's digest: SHA-256 of the file, in which the digest's own digits count as zeros."""

import hashlib
import re

from signbit.errors import ModelFormatError

PLACEHOLDER = "0" * 64
_DIGITS = re.compile("[0-9a-f]{64}")


def sealed(content: bytes, header_end: int) -> bytes:
    """A file whose header has PLACEHOLDER for a digest, with its digest there."""
    place = content.index(PLACEHOLDER.encode(), 0, header_end)
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[:place] + digest + content[place + len(digest) :]


def check_digest(content: bytes, header_end: int, digest: object) -> None:
    """Raises: ModelFormatError where the digest in the header is not that of the file."""
    found = None
    if isinstance(digest, str) and _DIGITS.fullmatch(digest):
        place = content.find(digest.encode(), 0, header_end)
        if place >= 0:
            view = memoryview(content)
            sha = hashlib.sha256(view[:place])
            sha.update(PLACEHOLDER.encode())
            sha.update(view[place + len(digest) :])
            found = sha.hexdigest()
    if found is None or found != digest:
        raise ModelFormatError(
            "damaged: the file's content is not what its digest says; copy it or pack it again"
        )

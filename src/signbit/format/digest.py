"""A file's digest: SHA-256 of the file, in which the digest's own digits count as zeros."""

import hashlib
import re

PLACEHOLDER = "0" * 64
_DIGITS = re.compile("[0-9a-f]{64}")


def sealed(content: bytes, header_end: int) -> bytes:
    """Put the digest into a file whose header has PLACEHOLDER in its place."""
    place = content.index(PLACEHOLDER.encode(), 0, header_end)
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[:place] + digest + content[place + len(digest) :]


def is_sealed(content: bytes, header_end: int, digest: object) -> bool:
    """Whether the digest in the header is that of the file."""
    if not isinstance(digest, str) or not _DIGITS.fullmatch(digest):
        return False
    place = content.find(digest.encode(), 0, header_end)
    if place < 0:
        return False
    view = memoryview(content)
    sha = hashlib.sha256(view[:place])
    sha.update(PLACEHOLDER.encode())
    sha.update(view[place + len(digest) :])
    return sha.hexdigest() == digest

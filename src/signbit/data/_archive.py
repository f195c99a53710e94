"""Take expected files out of a tar archive."""

import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from signbit.errors import DataError
from signbit.files import atomic_path


def extract(archive: Path, folder: str, sizes: Mapping[str, int], into: Path) -> None:
    """Write the members `folder/<name>` of a .tar.gz archive to `into`.

    Only names in `sizes` are taken, only regular files, and only up to that many bytes; the
    rest of the archive is passed over, so that no name in it decides where anything lands.
    Each file appears whole or not at all.

    Raises: DataError where a member is missing, not a file or too large, and where the archive
    is damaged; OutputError where a file cannot be written.
    """
    missing = dict(sizes)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                parent, _, name = member.name.rpartition("/")
                if parent.removeprefix("./") == folder and name in missing:
                    _write(tar, member, missing.pop(name), into / name, archive)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(f"{archive.name}: damaged archive: {error}") from error
    if missing:
        raise DataError(f"{archive.name}: holds no {folder}/{', '.join(sorted(missing))}")


def _write(
    tar: tarfile.TarFile, member: tarfile.TarInfo, limit: int, path: Path, archive: Path
) -> None:
    source = tar.extractfile(member) if member.isreg() else None
    if source is None or member.size > limit:
        raise DataError(
            f"{archive.name}: {member.name} is not a file of at most {limit} bytes; not extracted"
        )
    with atomic_path(path) as temporary, temporary.open("wb") as target:
        shutil.copyfileobj(source, target)

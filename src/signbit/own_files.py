"""The files in a folder that we made, so that we never replace a file of somebody else."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from signbit import strict_json
from signbit.files import is_temporary, read_regular

# Enough for the lists and descriptions of all files that we write into one folder.
_MOST_BYTES, _MOST_VALUES = 1 << 26, 1 << 20


def listed_files(marker: Path, key: str | None = None) -> set[str] | None:
    """The paths under "files" in a JSON file that we left in a folder; None without such a list.

    key: if given, the JSON file counts as ours only if the value of this key is true.
    Raises: OSError where the marker exists but cannot be read.
    """
    try:
        text = read_regular(marker, _MOST_BYTES)
        content = strict_json.loads(text, most_values=_MOST_VALUES, from_python=True)
        if key is not None and not content[key]:
            return None
        files = content["files"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    whole = isinstance(files, list) and all(isinstance(name, str) for name in files)
    return set(files) if whole else None


def files_in(folder: Path) -> Iterator[str]:
    """The paths of all files in a folder, with slashes, except our own temporary files."""
    for place, _, names in os.walk(folder):
        for name in names:
            if not is_temporary(name):
                yield (Path(place) / name).relative_to(folder).as_posix()


def strangers(folder: Path, ours: Iterable[str]) -> list[str]:
    """Paths in a folder that are not `ours`, sorted; that of a folder ends in a slash.

    Temporary files and folders (`files.is_temporary`) are left out. A folder that holds nothing of
    ours is listed as one path, without its content. A symbolic link counts as a file. A folder that
    does not exist counts as empty.

    ours: paths with slashes. A path that ends in a slash means a folder with its whole content.
    Raises: OSError where the folder cannot be read.
    """
    known = set(ours)
    nested = [PurePosixPath(path) for path in known if "/" in path]
    parents = {f"{parent}/" for path in nested for parent in path.parents}
    return sorted(_strangers(folder, "", known, parents)) if os.path.lexists(folder) else []


def _strangers(folder: Path, prefix: str, known: set[str], parents: set[str]) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                path = f"{prefix}{entry.name}/"
                if path in parents and path not in known:
                    yield from _strangers(Path(entry.path), path, known, parents)
                    continue
            else:
                path = f"{prefix}{entry.name}"
            if path not in known and not is_temporary(entry.name):
                yield path

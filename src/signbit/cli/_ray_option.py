"""The options of `predict` for many machines."""

from collections.abc import Sequence
from typing import Annotated

import typer

RAY, LOCAL = "--ray", "local"

RayAddress = Annotated[
    str | None,
    typer.Option(
        RAY,
        metavar="[ADDRESS]",
        help="Compute on a cluster of Ray. ADDRESS is HOST:PORT, or auto for the cluster that runs "
        "on this machine. Without ADDRESS a cluster is started here. Needs --out FOLDER.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        max=1 << 16,
        help="Number of processes of the cluster, each with --threads threads.  [default: as many "
        "as its CPUs allow]",
    ),
]


def with_address(arguments: Sequence[str]) -> list[str]:
    """The arguments with an address after each `--ray` that has none."""
    given: list[str] = []
    for place, argument in enumerate(arguments):
        if argument == "--":
            return given + list(arguments[place:])
        following = arguments[place + 1 : place + 2]
        bare = argument == RAY and (not following or following[0].startswith("-"))
        given.append(f"{RAY}={LOCAL}" if bare else argument)
    return given

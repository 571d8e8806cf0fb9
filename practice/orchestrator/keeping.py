"""The files of snapshots: seeds copied into the data folder under their digest."""

from __future__ import annotations

from practice.clients import seeds
from practice.models import Environment, EnvironmentSnapshot
from practice.orchestrator.worlds import seed_folder, snapshot_folder


def keep_seed(environment: Environment) -> tuple[str, int]:
    """Copy the environment's seed; return its digest and size, or ``("", 0)`` without a seed.

    Raises:
        EnvironmentUnavailable: it is gone or cannot be copied.
    """
    folder = seed_folder(environment)
    return ("", 0) if folder is None else seeds.keep(folder, snapshot_folder())


def check_seed(snapshot: EnvironmentSnapshot) -> None:
    """Raises ``EnvironmentUnavailable`` when the kept files are gone or were changed."""
    if snapshot.seed_digest:
        seeds.kept(snapshot.seed_digest, snapshot_folder())


def forget_seed(digest: str) -> None:
    """Delete what is kept under a digest no snapshot has any more."""
    seeds.forget(digest, snapshot_folder())

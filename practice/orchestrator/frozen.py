"""A playbook as a JSON value: what a round or an arm keeps of the bullets it was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from memoryapp.domain.playbook import Bullet, BulletStatus, Playbook


def freeze(bullets: Iterable[Bullet]) -> list[dict[str, Any]]:
    """Return bullets as they are stored with a round or an arm."""
    return [{**asdict(bullet), "status": bullet.status.value} for bullet in bullets]


def thaw(stored: Iterable[Mapping[str, Any]]) -> Playbook:
    """Return the playbook that was frozen."""
    return Playbook(
        bullets=tuple(Bullet(**{**row, "status": BulletStatus(row["status"])}) for row in stored)
    )

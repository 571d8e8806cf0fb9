"""A thin client of Greenroom: pull playbooks, search, report, send trajectories, watch runs."""

from greenroom_client.client import Greenroom
from greenroom_client.errors import (
    GreenroomError,
    NotAllowed,
    NotFound,
    NotReleased,
    Refused,
    Unreachable,
    Withdrawn,
)
from greenroom_client.pulls import Pulled, Receipt

__all__ = [
    "Greenroom",
    "GreenroomError",
    "NotAllowed",
    "NotFound",
    "NotReleased",
    "Pulled",
    "Receipt",
    "Refused",
    "Unreachable",
    "Withdrawn",
]

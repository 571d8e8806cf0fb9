"""A thin client of Greenroom: pull playbooks, search, report, send trajectories, watch runs."""

from greenroom_client.client import Greenroom, Pulled, Receipt
from greenroom_client.errors import (
    GreenroomError,
    NotAllowed,
    NotFound,
    Refused,
    Unreachable,
    Withdrawn,
)

__all__ = [
    "Greenroom",
    "GreenroomError",
    "NotAllowed",
    "NotFound",
    "Pulled",
    "Receipt",
    "Refused",
    "Unreachable",
    "Withdrawn",
]

"""Reading what never changes from a replica, so that agents' pulls cost the server little.

Nothing else: a release's document and bodies are written once, so a replica that lags behind has
them as they are or not at all. Which release a label means is asked of the server itself, or agents
would for a moment be given a release that was withdrawn.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

REPLICA = "replica"
#: A replica that did not answer is left alone this long, or every pull would wait for it.
AWAY_SECONDS = 30.0

logger = logging.getLogger(__name__)
Found = TypeVar("Found")
_away_until = 0.0


def unchanging(read: Callable[[str], Found]) -> Found:
    """Return what ``read`` finds in a database, by its alias: the replica's where there is one.

    ``read`` raises ``ObjectDoesNotExist`` for what is not there; the server's word counts then.
    """
    global _away_until
    if REPLICA in connections and time.monotonic() >= _away_until:
        try:
            return read(REPLICA)
        except ObjectDoesNotExist:
            pass  # it has not come that far
        except (OperationalError, InterfaceError) as error:
            _away_until = time.monotonic() + AWAY_SECONDS
            logger.warning("The replica is unavailable, so the primary is read: %s", error)
    return read(DEFAULT_DB_ALIAS)

"""The commands that talk to a server: those of the Python client, from this very tree."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "clients" / "python"))

from greenroom_client import commands, terminal

add = commands.add
ERRORS = commands.ERRORS
ran = terminal.ran

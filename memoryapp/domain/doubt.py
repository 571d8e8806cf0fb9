"""The reason a bullet is in doubt, as the drift watch writes it and pages read it.

"get_order of Help desk: New parameter: owner." A tool that is gone can settle nothing by practice,
so pages have to tell it from one that changed.
"""

from __future__ import annotations

#: what is said of a tool that is not offered any more.
GONE = "The environment no longer offers it."


def reason(tool: str, *, environment: str, why: str) -> str:
    """Why the bullets that cite ``tool`` are in doubt."""
    return f"{tool} of {environment}: {why}"


def tool_of(said: str) -> str:
    """The tool that a reason begins with; empty where a person wrote it."""
    tool, of, _ = said.partition(" of ")
    return tool if of and " " not in tool else ""


def is_gone(said: str) -> bool:
    """Whether a reason says that its tool is gone."""
    return bool(tool_of(said)) and said.endswith(f": {GONE}")

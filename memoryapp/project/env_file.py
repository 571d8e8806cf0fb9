"""The ``.env`` file, read strictly: a line that means nothing is refused and not passed over.

Nothing of a line is said back but its number and its name: what it sets may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

import environ

_LINE = re.compile(r"(?:export )?([A-Za-z_][A-Za-z_0-9]*)=.*")
#: How alike two names must be, from 0 to 1, for one to be taken for a slip of the other.
ALIKE = 0.85
#: Of OpenTelemetry's library there are many more than the one that Greenroom reads.
FOREIGN = ("OTEL_",)


@dataclass(frozen=True, slots=True)
class EnvFile:
    """``names`` are those it sets; ``problems`` has a line for each thing that is wrong with it."""

    path: Path
    names: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())

    def misnamed(self, known: Collection[str]) -> list[str]:
        """A line for each unknown name that seems to be meant for one of ``known``."""
        own = (name for name in self.names if name not in known and not name.startswith(FOREIGN))
        return [
            f"{name} in {self.path} sets nothing. Did you mean {meant}?"
            for name in own
            for meant in get_close_matches(name.upper(), sorted(known), n=1, cutoff=ALIKE)
        ]


def read(path: Path) -> EnvFile:
    """Take the file into the environment, where there is one; what is set there already wins."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return EnvFile(path)
    except OSError as error:
        said = f"must be a file that Greenroom's user may read ({error.strerror})."
        return EnvFile(path, problems=(f"{path} {said}",))
    except UnicodeDecodeError:
        return EnvFile(path, problems=(f"{path} must be text in UTF-8.",))
    names, kept, problems = [], [], []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if pair := _LINE.fullmatch(line):
            names.append(pair[1])
            kept.append(line)
        else:
            problems.append(
                f"{path} must read NAME=value in line {number}, with no space before the name and "
                "around the sign."
            )
    environ.Env.read_env(StringIO("\n".join(kept)))
    return EnvFile(path, tuple(names), tuple(problems))

"""The ``greenroom`` command. Each sub-command is a module that adds itself to the parser.

A command module has ``add(commands)``, which adds a sub-parser and sets its ``run`` default: a
function of the parsed arguments that returns the exit code; and ``ERRORS``, the exceptions whose
text is one line for the user. Nothing here loads Django: ``rca`` works with no server running, and
the client's commands with one far away.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from memoryapp.project import cli_client, cli_rca, cli_server

COMMANDS = (cli_server, cli_rca, cli_client)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="greenroom", description="Agents rehearse, you decide.")
    commands = found.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0 went well, 1 could not be done, 2 was asked wrongly."""
    errors = tuple(error for command in COMMANDS for error in command.ERRORS)
    return cli_client.ran(parser().parse_args(arguments), errors)


if __name__ == "__main__":
    sys.exit(main())

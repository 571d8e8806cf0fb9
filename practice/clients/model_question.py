"""One question to a model, by a process of its own: ``python -m practice.clients.model_question``.

The settings come as JSON on the standard input, where no list of processes shows the key; what came
of it goes as JSON to the standard output: ``answer`` or ``refusal``, a sentence for the operator.
"""

from __future__ import annotations

import json
import sys

from practice.agents.ports import AgentError
from practice.clients.llm import ModelSettings, check_connection


def main() -> None:
    try:
        said = {"answer": check_connection(ModelSettings(**json.load(sys.stdin)))}
    except AgentError as error:
        said = {"refusal": str(error)}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()

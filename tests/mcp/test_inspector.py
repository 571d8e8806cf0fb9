"""The server as the official Inspector sees it; ``python -m tests.third_party`` installs that."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from memoryapp.models import Candidate
from tests.third_party import NotInstalled, inspector

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def inspect(address: str, served: Any, key: Any, tmp_path: Path) -> Any:
    """Run the Inspector's command line against the server; return what it printed."""
    try:
        command = inspector()
    except NotInstalled as missing:
        pytest.skip(str(missing))
    header = f"Authorization: Bearer {key('playbooks:pull', 'trajectories:write')[1]}"

    def run(method: str, *arguments: str) -> Any:
        to = ("--transport", "http", "--header", header, "--quiet")
        done = subprocess.run(
            [*command, address, *to, "--method", method, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


def test_it_finds_everything_in_order(inspect: Any) -> None:
    """One story, because each start of Node costs seconds."""
    for era in ("legacy", "modern"):
        tools = inspect("tools/list", "--strict", "--protocol-era", era)["tools"]
        assert {tool["name"] for tool in tools} == {
            "search_memory",
            "get_playbook",
            "report_outcome",
            "propose_lesson",
        }
    read = inspect("resources/read", "--uri", "playbook://desk@production")
    assert "Verify before a refund." in read["contents"][0]["text"]
    lesson = {
        "playbook": "desk",
        "content": "Quote the order number.",
        "task": "Refund 7",
        "evidence": "404: no order 7.",
    }
    called = ("--tool-name", "propose_lesson", "--tool-args-json", json.dumps(lesson))
    inspect("tools/call", *called)
    assert Candidate.objects.get().content == "Quote the order number."

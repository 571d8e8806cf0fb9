"""MCP sessions against the sample world and against servers that do what they should."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from celery.signals import worker_init

from memoryapp.project import celery
from practice.clients.mcp import HttpServer, McpEnvironment, StdioServer
from practice.domain.types import OBSERVATION_CAP, Effect
from tests.practice.servers import HELPDESK, helpdesk, listening, raw


def test_it_discovers_the_sample_world() -> None:
    found = McpEnvironment(helpdesk()).discover()
    assert (found.server_name, found.problems) == ("helpdesk", {})
    effects = {tool.name: tool.effect for tool in found.tools}
    assert len(effects) == 24
    assert effects["get_order"] is Effect.READ
    assert effects["issue_refund"] is Effect.WRITE
    assert effects["delete_customer_data"] is Effect.DESTRUCTIVE


def test_it_opens_a_fresh_world_every_time() -> None:
    environment = McpEnvironment(helpdesk())
    for _ in range(2):
        with environment.open() as session:
            before = session.call("get_customer", {"customer_id": "CUS-0003"})
            session.call("verify_customer", {"order_id": "ORD-2025-00091", "postcode": "LS1 4DY"})
            after = session.call("get_customer", {"customer_id": "CUS-0003"})
        assert json.loads(before.text)["verified"] is False
        assert json.loads(after.text)["verified"] is True
    assert json.loads((HELPDESK / "seed" / "desk.json").read_text())["verified"] == ["CUS-0021"]


def test_it_hands_a_tools_own_error_on_as_an_observation() -> None:
    with McpEnvironment(helpdesk()).open() as session:
        seen = session.call("get_order", {"order_id": "17"})
    assert seen.is_error
    assert seen.text == "invalid_format: order_id must look like ORD-2025-00017."


def test_it_offers_only_the_tools_the_operator_allows() -> None:
    allowed = frozenset({"get_order", "no_such_tool"})
    with McpEnvironment(helpdesk(), allowed_tools=allowed).open() as session:
        assert [tool.name for tool in session.tools()] == ["get_order"]
        refused = session.call("cancel_order", {"order_id": "ORD-2025-00091"})
        order = session.call("get_order", {"order_id": "ORD-2025-00091"})
    assert refused.is_error
    assert "not allowed by the operator" in refused.text
    assert json.loads(order.text)["status"] == "placed"


def test_it_speaks_streamable_http() -> None:
    with listening(
        sys.executable, str(HELPDESK / "server.py"), "--data", str(HELPDESK / "seed"), "--http"
    ) as url:
        server = HttpServer(url, {"X-Team": "practice"})
        assert len(McpEnvironment(server).discover().tools) == 24
        with McpEnvironment(server).open() as session:
            good = session.call("get_article", {"article_id": "ART-01"})
            bad = session.call("get_article", {"article_id": "1"})
            unknown = session.call("no_such_tool", {})
    assert json.loads(good.text)["title"] == "Refunds"
    assert (bad.is_error, unknown.is_error) == (True, True)


def test_it_follows_a_paginated_tool_list_to_its_end() -> None:
    assert [tool.name for tool in McpEnvironment(raw("paged")).discover().tools] == [
        f"tool_{number}" for number in range(7)
    ]


def test_it_sets_unusable_tools_aside_and_keeps_the_others() -> None:
    found = McpEnvironment(raw("bad_schema")).discover()
    assert [tool.name for tool in found.usable] == ["old", "loose"]
    assert "properties/x/type: 42 is not valid" in found.problems["broken"]
    for name in ("listy", "wordy", "none"):
        assert found.problems[name] == "Its input schema does not describe an object."
    assert "more than once" in found.problems["twice"]
    assert found.usable[1].parameters == {"x": {}}


def test_it_refuses_to_call_a_tool_with_an_unusable_schema() -> None:
    with McpEnvironment(raw("bad_schema")).open() as session:
        assert [tool.name for tool in session.tools()] == ["old", "loose"]
        seen = session.call("broken", {})
    assert seen.is_error
    assert "broken cannot be used" in seen.text


def test_it_notices_tools_that_change_during_a_session() -> None:
    with McpEnvironment(raw("changing")).open() as session:
        assert not session.drift()
        session.call("work", {})
        drift = session.drift()
        assert (drift.added, drift.removed, drift.changed) == (("extra",), ("gone",), ("work",))
        assert str(drift) == "Tools changed: work. Tools added: extra. Tools removed: gone."
        assert [tool.name for tool in session.tools()] == ["work", "extra"]


def test_it_compares_with_the_hashes_the_operator_saw() -> None:
    seen = {
        tool.name: tool.schema_hash for tool in McpEnvironment(raw("changing")).discover().tools
    }
    with McpEnvironment(
        raw("changing"), expected_hashes={**seen, "work": "0" * 64, "other": ""}
    ).open() as session:
        drift = session.drift()
    assert (drift.added, drift.removed, drift.changed) == ((), ("other",), ("work",))


def test_it_does_not_count_tools_the_operator_left_off_as_drift() -> None:
    expected = {tool.name: tool.schema_hash for tool in McpEnvironment(raw("ok")).discover().tools}
    with McpEnvironment(
        raw("paged"), allowed_tools=frozenset({"work"}), expected_hashes=expected
    ).open() as session:
        drift = session.drift()
    assert (drift.added, drift.removed, drift.changed) == ((), ("work",), ())


def test_it_cuts_an_answer_of_five_megabytes_and_says_so() -> None:
    with McpEnvironment(raw("five_megabytes")).open() as session:
        seen = session.call("work", {})
    assert seen.truncated
    assert len(seen.text) <= OBSERVATION_CAP
    kept = seen.text.count("x")
    assert seen.text.endswith(f"\n[{5_000_000 - kept:,} more characters were cut]")


def test_it_drops_structured_content_that_is_too_large_to_keep() -> None:
    with McpEnvironment(raw("five_megabytes_structured")).open() as session:
        seen = session.call("work", {})
    assert (seen.truncated, seen.structured) == (True, None)
    assert seen.text.startswith('{"rows": ["yyy')


def test_it_shows_structured_content_where_there_is_no_text() -> None:
    with McpEnvironment(raw("structured")).open() as session:
        seen = session.call("work", {})
    assert seen.text == '{"n": 3, "password": "[redacted: password]"}'
    assert seen.structured == {"n": 3, "password": "[redacted: password]"}


def test_it_masks_secrets_in_what_a_tool_answers() -> None:
    with McpEnvironment(raw("secrets")).open() as session:
        seen = session.call("work", {})
    assert seen.text == "Authorization: Bearer [redacted: bearer token]"


def test_it_replaces_characters_no_database_keeps() -> None:
    with McpEnvironment(raw("nul")).open() as session:
        seen = session.call("work", {})
    assert (seen.text, seen.structured) == ("a\ufffdb", {"k\ufffd": "a\ufffdb"})


def test_it_writes_the_folder_of_the_attempt_the_same_way_every_time() -> None:
    with McpEnvironment(raw("echo")).open() as session:
        seen = session.call("work", {"path": "{workdir}/a", "more": [{"deep": "{workdir}"}]})
    arguments = json.loads(seen.text)
    assert arguments["path"] == "{workdir}/a"
    assert arguments["more"] == [{"deep": "{workdir}"}]
    assert arguments["arrived"] is True


def test_it_describes_content_that_is_not_text() -> None:
    with McpEnvironment(raw("pictures")).open() as session:
        seen = session.call("work", {})
    assert seen.text == ("[image, image/png, 8 characters of base64]\n[resource file:///a.txt]")


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("protocol_error", "MCP error -32602: x is not a number"),
        ("own_code", "MCP error -32000: The shelf is empty"),
        ("tool_error", "not_found: There is no such thing."),
        ("wrong_output", "The answer of work could not be used: Invalid structured content"),
    ],
)
def test_it_keeps_going_after_an_error_of_one_call(mode: str, text: str) -> None:
    with McpEnvironment(raw(mode)).open() as session:
        seen = [session.call("work", {}) for _ in range(2)]
    assert all(one.is_error and one.text.startswith(text) for one in seen)


def test_it_passes_over_logging_on_stdout() -> None:
    with McpEnvironment(raw("chatty")).open() as session:
        assert session.call("work", {}).text == "done"


def test_it_starts_a_server_in_a_clean_environment_and_a_fresh_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the product")
    (tmp_path / "seed.txt").write_text("seed")
    server = StdioServer(
        raw("surroundings").command,
        ("surroundings",),
        {"PLACE": "{workdir}/deep"},
        seed_folder=tmp_path,
    )
    with McpEnvironment(server).open() as session:
        seen = json.loads(session.call("work", {}).text)
    assert seen["files"] == ["seed.txt"]
    assert seen["env"]["PLACE"] == f"{seen['cwd']}/deep"
    assert set(seen["env"]) - {"LC_CTYPE"} == {"PATH", "HOME", "TMPDIR", "LANG", "PLACE"}
    assert not Path(seen["cwd"]).exists()
    assert not Path(seen["env"]["HOME"]).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["seed.txt"]


def test_it_hides_the_environments_own_secrets_wherever_a_tool_echoes_them() -> None:
    server = raw("surroundings", API_TOKEN="quite-ordinary-words")
    with McpEnvironment(server).open() as session:
        seen = session.call("work", {})
    assert "quite-ordinary-words" not in seen.text
    assert "[redacted: API_TOKEN]" in seen.text


def test_workers_load_the_sdk_before_they_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(celery, "import_module", loaded.append)
    heard = {getattr(ref(), "__name__", ""): ref() for _, ref in worker_init.receivers}
    heard["load_the_protocol_of_tool_servers"]()
    assert loaded == ["practice.clients.mcp_link"]
    assert find_spec(loaded[0]) is not None

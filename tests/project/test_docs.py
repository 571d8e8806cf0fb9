"""The documents fail when they lie."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command, get_commands

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
READ_BY = (
    "memoryapp/project/settings.py",
    "memoryapp/project/sign_in.py",
    "memoryapp/project/up.py",
)


def variables() -> set[str]:
    source = "".join((ROOT / path).read_text() for path in READ_BY)
    return set(re.findall(r'env(?:\.\w+)?(?:iron\.get)?\(\s*"([A-Z_]+)"', source))


def test_it_explains_every_setting() -> None:
    explained = set(re.findall(r"`([A-Z_]{4,})`", CONFIGURATION))
    assert variables() - explained == set()


def test_it_explains_no_setting_that_does_not_exist() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", CONFIGURATION, flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([A-Z_]{4,})`", row)}
    assert named - variables() == set()


def test_it_explains_every_command_of_ours() -> None:
    ours = [name for name, app in get_commands().items() if app in {"memoryapp", "practice"}]
    assert [name for name in ours if f"manage.py {name}" not in CONFIGURATION] == []


def test_the_committed_api_schema_is_what_the_code_says(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(fresh))
    committed = (ROOT / "docs" / "openapi.yaml").read_text()
    assert yaml.safe_load(fresh.read_text()) == yaml.safe_load(committed), "run: make schema"


@pytest.mark.parametrize("folder", ["docs", "docs/adr"])
def test_every_link_between_documents_leads_somewhere(folder: str) -> None:
    for page in [ROOT / "README.md", *(ROOT / folder).glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_a_decision_record_stays_short() -> None:
    for record in (ROOT / "docs" / "adr").glob("*.md"):
        assert len(record.read_text().split()) <= 400, record.name


def test_the_compose_file_runs_one_image_without_root() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = {name: s for name, s in services.items() if s["image"].startswith("greenroom")}
    assert set(ours) == {"prepare", "web", "mcp", "worker", "beat"}
    assert all(s["user"] == "10001:10001" for s in ours.values())
    assert all("healthcheck" in s for name, s in services.items() if name != "prepare")

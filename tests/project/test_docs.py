"""The documents fail when they lie."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command, get_commands

from memoryapp.project import cli_rca, cli_server, doctor, serving
from memoryapp.project.metrics import Facts
from tests.reference import CONFIGURATION, api_document, as_yaml, variables

ROOT = Path(__file__).resolve().parents[2]


def test_it_explains_every_setting() -> None:
    explained = set(re.findall(r"`([A-Z0-9_]{4,})`", CONFIGURATION))
    assert variables() - explained == set()


def test_it_explains_no_setting_that_does_not_exist() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", CONFIGURATION, flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([A-Z0-9_]{4,})`", row)}
    assert named - variables() == set()


def test_it_explains_every_command_of_ours() -> None:
    ours = [name for name, app in get_commands().items() if app in {"memoryapp", "practice"}]
    assert [name for name in ours if f"manage.py {name}" not in CONFIGURATION] == []


def test_operations_explains_every_command_of_greenroom() -> None:
    """And configuration.md lists it: a command nobody can read about is none."""
    texts = (ROOT / "docs" / "operations.md").read_text() + CONFIGURATION
    listed = argparse.ArgumentParser().add_subparsers()
    for command in (cli_server, cli_rca):
        command.add(listed)
    assert [name for name in listed.choices if f"greenroom {name}" not in texts] == []


def test_every_metric_is_explained_where_it_is_alerted_on(db: None) -> None:
    explained = (ROOT / "docs" / "operations.md").read_text()
    names = {family.name for family in Facts().collect()} | {"greenroom_http_request_seconds"}
    assert [name for name in sorted(names) if name not in explained] == []


def test_every_check_of_doctor_is_named() -> None:
    explained = (ROOT / "docs" / "operations.md").read_text().lower()
    checks = [check.__name__.strip("_").replace("_", " ") for check in doctor.CHECKS]
    assert [name for name in checks if name not in explained] == []


def test_the_committed_api_schema_is_what_the_code_says(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(fresh))
    assert as_yaml(fresh.read_text()) == api_document(), "run: make schema"


@pytest.mark.parametrize("folder", ["docs", "docs/adr"])
def test_every_link_between_documents_leads_somewhere(folder: str) -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / folder).glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Links, anchors and pages that the menu leaves out are warnings, and those are errors."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "dist" / "docs" / "operations" / "index.html").read_text()
    assert "greenroom doctor" in page
    assert re.findall(r'(?:src|href)="https?://(?!zensical)[^"]+\.(?:js|css|woff2?)"', page) == []


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in an address."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_the_code_refers_to_documents_and_headings_that_exist() -> None:
    for folder in ("memoryapp", "practice", "benchmarks"):
        for source in (ROOT / folder).rglob("*.py"):
            text = source.read_text()
            # Our headings bear no numbers.
            assert re.findall(r"\b[a-z-]+\.md §\S+", text) == [], source
            for name, anchor in re.findall(r"docs/([\w/-]+\.md)(?:#([\w-]+))?", text):
                page = ROOT / "docs" / name
                assert page.exists(), f"{source} refers to {page}"
                assert not anchor or anchor in anchors(page), f"{source} refers to #{anchor}"


def test_a_decision_record_stays_short() -> None:
    for record in (ROOT / "docs" / "adr").glob("*.md"):
        assert len(record.read_text().split()) <= 400, record.name


def test_the_compose_file_runs_one_image_without_root() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = {name: s for name, s in services.items() if s["image"].startswith("greenroom")}
    assert set(ours) == {"prepare", "web", "mcp", "worker", "beat"}
    assert all(s["user"] == "10001:10001" for s in ours.values())
    assert all("healthcheck" in s for name, s in services.items() if name != "prepare")


def test_compose_publishes_to_this_machine_only_unless_it_is_asked_to() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    published = [port for s in services.values() for port in s.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("${BIND_ADDRESS:-127.0.0.1}:") for port in published)


def test_images_of_others_are_named_by_their_full_version() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    named = {s["image"] for s in services.values()} - {"greenroom:latest"}
    named |= set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert len(named) == 3
    for image in named:
        assert re.search(r":\d+\.\d+\.\d+(-|$)", image), image


def test_compose_waits_until_requests_under_way_are_answered() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert services["web"]["stop_grace_period"] == f"{serving.graceful_timeout + 15}s"
    for name in ("mcp", "worker"):
        assert "stop_grace_period" in services[name]


@pytest.mark.parametrize(
    ("path", "is_sent"),
    [
        ("memoryapp/project/settings.py", True),
        ("clients/python/greenroom_client/client.py", True),
        ("examples/helpdesk/server.py", True),
        ("uv.lock", True),
        (".env", False),
        (".env.production", False),
        (".git/config", False),
        ("seeds/shop/orders.json", False),
        ("backups/2026/manifest.json", False),
        (".data/secret-key", False),
        ("memoryapp/project/__pycache__/settings.pyc", False),
        ("tests/conftest.py", False),
    ],
)
def test_only_what_the_image_is_made_of_is_sent_to_its_builder(path: str, is_sent: bool) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"  # all that is not named below
    ignored = True
    for rule in rules[1:]:
        name = rule.removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        meant = parts if rule.startswith("**/") else parts[:1]
        if path.startswith(f"{name}/") or any(fnmatch(part, name) for part in meant):
            ignored = not rule.startswith("!")
    assert ignored is not is_sent
    for name in re.findall(r"^!(\w+)", "\n".join(rules), re.MULTILINE):
        assert list(ROOT.glob(f"{name}*")), name


def test_every_setting_can_stand_in_the_file_that_compose_reads() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = [s for s in services.values() if s["image"].startswith("greenroom")]
    assert all(s["env_file"] == [{"path": ".env", "required": False}] for s in ours)
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert named - variables() == {"POSTGRES_PASSWORD", "BIND_ADDRESS"}
    # What is said there wins over the file, so it is no setting anybody would put into it.
    fixed = {name for s in ours for name, value in s["environment"].items() if "${" not in value}
    assert fixed == {"REDIS_URL", "SEED_DIR", "GREENROOM_DATA_DIR"}
    # What else it sets has another default there than the documents say; they name it.
    own = {
        name
        for s in ours
        for name, value in s["environment"].items()
        if value.startswith(f"${{{name}:-")
    }
    assert own == {"ALLOWED_HOSTS", "MCP_PORT", "LOG_FORMAT"}
    operations = (ROOT / "docs" / "operations.md").read_text()
    assert all(f"`{name}`" in operations for name in own)


def test_the_image_brings_what_a_setting_needs() -> None:
    found = re.search(r'^ARG EXTRAS="(.+)"$', (ROOT / "Dockerfile").read_text(), re.M)
    assert found is not None
    needed = set(re.findall(r"Needs `greenroom\[(\w+)\]`", CONFIGURATION))
    assert needed == set(found[1].split())


def test_what_collects_the_dead_comes_first_in_every_container() -> None:
    image = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^ENTRYPOINT \[\"tini\", ", image, re.M)
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert not [name for name, service in services.items() if "entrypoint" in service]
    # In a pod `command` stands in the place of the image's own.
    for template in (ROOT / "deploy" / "helm").rglob("*.yaml"):
        assert not re.search(r"^ *command:", template.read_text(), re.M), template.name


@pytest.mark.parametrize(
    ("extras", "asked"), [("", ""), ("s3", "--extra s3"), ("s3 otel", "--extra s3 --extra otel")]
)
def test_the_image_can_be_built_with_any_extras_or_none(extras: str, asked: str) -> None:
    text = (ROOT / "Dockerfile").read_text()
    found = re.search(r"--no-default-groups (\$.+) \\$", text, re.MULTILINE)
    assert found is not None
    done = subprocess.run(
        ["/bin/sh", "-c", f"echo {found[1]}"],
        env={"EXTRAS": extras},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == asked


@pytest.mark.parametrize("name", ["web", "mcp"])
def test_a_container_is_found_well_whatever_proxy_docker_gives_it(
    name: str, httpserver: Any
) -> None:
    found = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"][name]
    kind, _, *arguments = found["healthcheck"]["test"]
    port = re.search(r"127\.0\.0\.1:(\d+)/", arguments[-1])
    assert (kind, bool(port)) == ("CMD", True)
    arguments[-1] = arguments[-1].replace(port[1], str(httpserver.port)) if port else ""
    for status, code in ((200, 0), (503, 1)):
        httpserver.clear()
        httpserver.expect_request(re.compile("/(readyz|healthz)")).respond_with_data(status=status)
        done = subprocess.run(
            [sys.executable, *arguments],
            env={"http_proxy": "http://127.0.0.1:9"},
            capture_output=True,
            check=False,
        )
        assert done.returncode == code, done.stderr


def test_the_parts_of_compose_share_what_must_outlive_them() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    found = yaml.safe_load(text)
    for name in ("prepare", "web", "mcp", "worker", "beat"):
        part = found["services"][name]
        volume, _, folder = part["volumes"][-1].partition(":")
        assert folder == part["environment"]["GREENROOM_DATA_DIR"]
        assert volume in found["volumes"]
    assert re.findall(r"\$\{\w+:?-[^}]*\{", text) == []  # read differently by who reads it
    assert f"-m 0750 {folder}" in (ROOT / "Dockerfile").read_text()

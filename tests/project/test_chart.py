"""The Helm chart, rendered by Helm's own code: `make chart`, and CI."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "greenroom"
SERVING = (ROOT / "memoryapp" / "project" / "serving.py").read_text()
GRACEFUL_SECONDS = int(re.findall(r"^graceful_timeout = (\d+)$", SERVING, re.MULTILINE)[0])
VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
helm = pytest.importorskip("helm_python", reason="make chart installs Helm")
ASKED: dict[str, Any] = {
    "existingSecret": "greenroom-secrets",
    "settings": {"PUBLIC_URL": "https://greenroom.example.com", "TRUSTED_PROXIES": 1},
    "ingress": {"enabled": True, "host": "greenroom.example.com", "tlsSecret": "greenroom-tls"},
}


def rendered(asked: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every object of an installation named ``demo``, by kind and the end of its name."""
    with helm.Chart.load(str(CHART)) as chart:
        files = chart.render(asked, name="demo", namespace="prod")
    found = [
        one
        for name, text in files.items()
        if name.endswith(".yaml")
        for one in yaml.safe_load_all(text)
        if one
    ]
    return {
        (one["kind"], one["metadata"]["name"].removeprefix("demo-greenroom").strip("-")): one
        for one in found
    }


@pytest.fixture(scope="module")
def objects() -> dict[tuple[str, str], dict[str, Any]]:
    return rendered(ASKED)


def notes(asked: dict[str, Any]) -> str:
    """What is said to whoever installed it."""
    with helm.Chart.load(str(CHART)) as chart:
        files: dict[str, str] = chart.render(asked, name="demo", namespace="prod")
    return next(text for name, text in files.items() if name.endswith("NOTES.txt"))


def pods(objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: one["spec"]["template"]["spec"]
        for (kind, name), one in objects.items()
        if kind in {"Deployment", "Job"}
    }


def test_helm_finds_nothing_wrong_with_it() -> None:
    found = helm.lint(str(CHART))
    assert found["errors"] == []
    assert [one for one in found["messages"] if one["error"] != "icon is recommended"] == []


def test_it_runs_the_parts_that_compose_runs(objects: Any) -> None:
    """With the same commands, but for how many there are of each."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    found = pods(objects)
    assert set(found) == {"prepare", "web", "mcp", "worker", "beat"}
    free = re.compile(r"--(?:workers|threads|concurrency|schedule)=.*")
    for part in ("web", "mcp", "worker", "beat"):
        ours, theirs = (
            sorted(word for word in words if not free.match(word))
            for words in (found[part]["containers"][0]["args"], compose[part]["command"])
        )
        assert ours == theirs, part


def test_no_pod_has_rights_it_does_not_need(objects: Any) -> None:
    for pod in pods(objects).values():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_a_worker_is_given_what_a_sandbox_needs_and_no_other_part_is() -> None:
    allowed = {
        "hostUsers": False,
        "podSecurityContext": {"seccompProfile": {"type": "Unconfined"}},
        "securityContext": {"procMount": "Unmasked"},
    }
    found = pods(rendered({**ASKED, "worker": allowed}))
    worker = found.pop("worker")
    assert worker["hostUsers"] is False
    assert worker["securityContext"]["seccompProfile"] == {"type": "Unconfined"}
    assert worker["securityContext"]["runAsNonRoot"] is True
    context = worker["containers"][0]["securityContext"]
    assert (context["procMount"], context["capabilities"]) == ("Unmasked", {"drop": ["ALL"]})
    for pod in found.values():
        assert "hostUsers" not in pod
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "procMount" not in pod["containers"][0]["securityContext"]


@pytest.mark.parametrize(
    ("image", "named", "policy"),
    [
        ({}, f"greenroom:{VERSION}", "Always"),
        (
            {"tag": "main", "repository": "r.example/greenroom"},
            "r.example/greenroom:main",
            "Always",
        ),
        ({"pullPolicy": "IfNotPresent"}, f"greenroom:{VERSION}", "IfNotPresent"),
        ({"digest": f"sha256:{'a' * 64}"}, f"greenroom@sha256:{'a' * 64}", "IfNotPresent"),
    ],
)
def test_a_tag_that_was_built_anew_is_pulled_anew(
    image: dict[str, str], named: str, policy: str
) -> None:
    for pod in pods(rendered({**ASKED, "image": image})).values():
        (container,) = pod["containers"]
        assert (container["image"], container["imagePullPolicy"]) == (named, policy)


def test_tool_servers_fit_into_the_pod_that_starts_them(objects: Any) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    each = int(objects["ConfigMap", "settings"]["data"]["MCP_MEMORY_MB"])
    takes = 256 + values["worker"]["concurrency"] * (256 + each)
    limit = pods(objects)["worker"]["containers"][0]["resources"]["limits"]["memory"]
    assert takes <= int(limit.removesuffix("Gi")) * 1024
    assert "WARNING" not in notes(ASKED)


@pytest.mark.parametrize(
    "asked",
    [
        {"worker": {"concurrency": 16}},
        {"worker": {"resources": {"limits": {"memory": "2048Mi"}}}},
        {"settings": {"MCP_MEMORY_MB": 4096}},
    ],
)
def test_it_says_where_they_do_not_fit(asked: dict[str, Any]) -> None:
    assert "Raise worker.resources.limits.memory" in notes({**ASKED, **asked})


def test_services_lead_to_pods_that_are_there(objects: Any) -> None:
    for (kind, name), one in objects.items():
        if kind == "Deployment":
            chosen = one["spec"]["selector"]["matchLabels"]
            assert chosen.items() <= one["spec"]["template"]["metadata"]["labels"].items()
        if kind == "Service":
            labels = objects["Deployment", name]["spec"]["template"]["metadata"]["labels"]
            assert one["spec"]["selector"].items() <= labels.items()
            (port,) = one["spec"]["ports"]
            (open_port,) = pods(objects)[name]["containers"][0]["ports"]
            assert port["targetPort"] == open_port["name"]
    paths = objects["Ingress", ""]["spec"]["rules"][0]["http"]["paths"]
    assert [path["path"] for path in paths] == ["/mcp", "/"]
    assert all(("Service", path["backend"]["service"]["name"].rpartition("-")[2]) in objects
               for path in paths)  # fmt: skip


def test_it_migrates_before_pods_of_the_new_version_start(objects: Any) -> None:
    job = objects["Job", "prepare"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    read = objects["ConfigMap", "prepare"]["metadata"]["annotations"]
    assert int(read["helm.sh/hook-weight"]) < 0  # what the job reads is made first
    (container,) = pods(objects)["prepare"]["containers"]
    assert container["envFrom"][0]["configMapRef"]["name"].endswith("-prepare")


def test_nothing_of_a_hook_is_left_behind(objects: Any) -> None:
    """Helm neither rolls a hook back nor removes it with the release."""
    settings = objects["ConfigMap", "settings"]
    assert "annotations" not in settings["metadata"]
    for name, pod in pods(objects).items():
        if name != "prepare":
            (container,) = pod["containers"]
            read = container["envFrom"][0]["configMapRef"]["name"]
            assert read == settings["metadata"]["name"], name
    hook = objects["ConfigMap", "prepare"]
    assert hook["data"] == settings["data"]
    assert "hook-succeeded" in hook["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert objects["Job", "prepare"]["spec"]["ttlSecondsAfterFinished"] > 0


def test_a_part_has_longer_to_end_than_its_requests_are_given(objects: Any) -> None:
    """And is told to end only when no request comes any more."""
    found = pods(objects)
    for part in ("web", "mcp", "worker", "beat"):
        (container,) = found[part]["containers"]
        word, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
        assert (word, int(seconds) >= 5) == ("sleep", True)
        given = {"web": GRACEFUL_SECONDS, "mcp": 5}.get(part, 0)
        assert found[part]["terminationGracePeriodSeconds"] >= int(seconds) + given + 5, part


def test_a_part_that_hangs_is_started_again_and_one_that_loads_is_not(objects: Any) -> None:
    for part in ("web", "mcp", "worker", "beat"):
        (container,) = pods(objects)[part]["containers"]
        assert "livenessProbe" in container, part
        if part in {"web", "mcp"}:
            first = container["startupProbe"]
            assert first["periodSeconds"] * first["failureThreshold"] >= 300
            assert first["httpGet"]["path"] == "/healthz"


def test_no_part_is_ended_for_a_redis_that_is_away(objects: Any) -> None:
    asked = {
        part: str(pods(objects)[part]["containers"][0]["livenessProbe"])
        for part in ("web", "mcp", "worker", "beat")
    }
    assert all("'memoryapp.project.alive'" in asked[part] for part in ("worker", "beat"))
    assert not [part for part, probe in asked.items() if "inspect" in probe or "readyz" in probe]


def test_settings_are_text_and_secrets_come_from_the_secret(objects: Any) -> None:
    assert objects["ConfigMap", "settings"]["data"] == {
        "GREENROOM_DATA_DIR": "/data",
        "LOG_FORMAT": "json",
        "MCP_MEMORY_MB": "512",
        "PUBLIC_URL": "https://greenroom.example.com",
        "TRUSTED_PROXIES": "1",
    }
    for pod in pods(objects).values():
        assert pod["containers"][0]["envFrom"][1] == {"secretRef": {"name": "greenroom-secrets"}}


def test_what_is_kept_is_not_deleted_when_it_is_installed_once_more(objects: Any) -> None:
    """A hook that says nothing of it is deleted before it is made anew."""
    told = objects["PersistentVolumeClaim", ""]["metadata"]["annotations"]
    assert told["helm.sh/resource-policy"] == "keep"
    assert told["helm.sh/hook-delete-policy"] == "hook-failed"
    own = rendered({**ASKED, "data": {"existingClaim": "ours"}})
    assert ("PersistentVolumeClaim", "") not in own


def test_a_changed_setting_restarts_the_pods(objects: Any) -> None:
    changed = rendered({**ASKED, "settings": {"LOG_LEVEL": "INFO"}})
    for key in (("Deployment", "web"), ("Deployment", "worker")):
        before, after = (
            one[key]["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]
            for one in (objects, changed)
        )
        assert before != after


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "existingSecret must name a Secret with DATABASE_URL, REDIS_URL and SECRET_KEY"),
        ({"existingSecret": "s", "ingress": {"enabled": True}}, "ingress.host must be the name"),
    ],
)
def test_it_says_what_is_missing(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(helm.HelmError, match=said):
        rendered(asked)


@pytest.mark.parametrize(
    "asked",
    [
        {"settings": {"SECRET_KEY": "in the open"}},
        {"settings": {"log_level": "INFO"}},
        {"worker": {"replica": 3}},
        {"image": {"digest": "latest"}},
        {"web": {"replicas": "two"}},
    ],
)
def test_it_refuses_values_that_mean_nothing(asked: dict[str, Any]) -> None:
    with helm.Chart.load(str(CHART)) as chart, pytest.raises(helm.HelmError):
        chart.validate_schema(asked)


def test_every_setting_it_names_is_one(objects: Any) -> None:
    explained = set(re.findall(r"`([A-Z_]{4,})`", (ROOT / "docs/configuration.md").read_text()))
    named = set(re.findall(r"\b[A-Z]{3,}(?:_[A-Z]+)+\b", (CHART / "values.yaml").read_text()))
    assert named - explained == set()

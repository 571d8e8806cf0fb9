"""What the page of proposer memory shows, tab by tab: only the open tab asks the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.urls import reverse

from memoryapp.access import membership_of
from memoryapp.views.links import Chip, chips, parameter
from practice.domain.memory import Region
from practice.models import Environment, Round, Run
from practice.queries import memory, regions
from practice.services.artifact import FILES, MEMORY_FILE, PLAYBOOK_FILE
from practice.views.paging import page_of

LINES_PER_PAGE = 50
REGION_WORDS = [
    (Region.NEVER_USED.value, "Never used"),
    (Region.UNDER_PRACTISED.value, "Under-practised"),
    (Region.INFEASIBLE.value, "Infeasible"),
    (Region.PRACTISED.value, "Practised"),
]
TABS = (
    ("tools", "Tools"),
    ("pairs", "Pairs"),
    ("facts", "Facts"),
    ("wishes", "Wishes"),
    ("shown", "Shown last"),
    ("files", "Files"),
)


def memory_context(request: HttpRequest, environment: Environment, tab: str) -> dict[str, Any]:
    """Everything ``memory.html`` shows of one tab; ``tab`` overrules the one of the address."""
    asked = tab or parameter(request, "tab")
    chosen = asked if asked in _CONTEXTS else "tools"
    page = reverse("memory", args=[environment.slug])
    return {
        "environment": environment,
        "tab": chosen,
        "tabs": [
            {"label": label, "url": f"{page}?tab={name}", "is_open": name == chosen}
            for name, label in TABS
        ],
        "may_review": membership_of(request).may_review,
        "typed": {},
        "report": None,
        **_CONTEXTS[chosen](request, environment),
    }


def _tools(request: HttpRequest, environment: Environment) -> dict[str, Any]:
    lines, enough = regions.tool_regions(environment)
    totals: dict[str, int] = {}
    for line in lines:
        totals[line.region.value] = totals.get(line.region.value, 0) + 1
    shown = [line for line in lines if _matches(request, line.region)]
    return {
        "enough": enough,
        "chips": _region_chips(request, totals),
        "page_obj": Paginator(shown, LINES_PER_PAGE).get_page(request.GET.get("page")),
        "tool_total": len(lines),
    }


def _pairs(request: HttpRequest, environment: Environment) -> dict[str, Any]:
    found = regions.regions(environment)
    shown = [line for line in found.pairs if _matches(request, line.region)]
    return {
        "chips": _region_chips(request, found.pair_totals),
        "page_obj": Paginator(shown, LINES_PER_PAGE).get_page(request.GET.get("page")),
        "unpaired": found.unpaired,
        "unpaired_shown": regions.UNPAIRED_SHOWN,
    }


def _facts(request: HttpRequest, environment: Environment) -> dict[str, Any]:
    rows = environment.facts.select_related("task", "run").order_by("-last_seen_at", "-pk")
    excluded = rows.filter(is_excluded=True).count()
    state = parameter(request, "state")
    if state in {"in_use", "excluded"}:
        rows = rows.filter(is_excluded=state == "excluded")
    page = page_of(request, rows)
    steering = regions.standing_steering(environment)
    counts = {"in_use": environment.facts.count() - excluded, "excluded": excluded}
    words = [("in_use", "In use"), ("excluded", "Excluded")]
    return {
        "page_obj": page,
        "lines": regions.fact_lines(environment, list(page.object_list), steering),
        "chips": chips(request, "state", words, counts),
    }


def _wishes(request: HttpRequest, environment: Environment) -> dict[str, Any]:
    rows = memory.steering_rows(environment)
    return {
        "standing": list(rows.filter(ended_at=None)),
        "page_obj": page_of(request, rows.exclude(ended_at=None)),
        "tool_names": list(
            environment.tools.filter(is_present=True).values_list("name", flat=True)
        ),
    }


def _shown(request: HttpRequest, environment: Environment) -> dict[str, Any]:
    rows = Round.objects.filter(run__environment=environment).exclude(briefing={})
    return {"round": rows.select_related("run").order_by("-started_at", "-pk").first()}


def _files(request: HttpRequest, environment: Environment) -> dict[str, Any]:
    return {
        "files": FILES,
        "memory_file": MEMORY_FILE,
        "playbook_file": PLAYBOOK_FILE,
        "playbooks": list(environment.workspace.playbooks.order_by("name")),
        "record_count": environment.practice_records.count(),
        "imported_runs": list(
            Run.objects.filter(environment=environment, engine="imported").order_by("-number")[:5]
        ),
    }


_CONTEXTS = {
    "tools": _tools,
    "pairs": _pairs,
    "facts": _facts,
    "wishes": _wishes,
    "shown": _shown,
    "files": _files,
}


def _matches(request: HttpRequest, region: Region) -> bool:
    asked = parameter(request, "region")
    return asked not in {value for value, _ in REGION_WORDS} or asked == region.value


def _region_chips(request: HttpRequest, counts: Mapping[str, int]) -> Sequence[Chip]:
    return chips(request, "region", REGION_WORDS, counts)

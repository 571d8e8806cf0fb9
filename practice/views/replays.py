"""Evaluation of root causes: labelled sets, their replays, and the regression gate."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.domain.seen import shown
from memoryapp.queries.meanwhile import meanwhile
from memoryapp.views.links import changed, htmx_of, parameter, posted
from practice.domain.replayed_cases import beside_truth, steps_beside_truth
from practice.domain.replays import FAILED, VARIANTS, WHOLE, Kind
from practice.models import CaseSet, Incident, Replay, ReplayCase
from practice.services import holdings
from practice.services import replays as services
from practice.views.addressed import back
from practice.views.paging import page_of
from practice.views.telemetry import NO_LONGER

_ANSWERS = {**dict(Incident.Outcome.choices), FAILED: "Failed"}


@require_safe
@gate(Right.READ)
def replay_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    found = _with_counts(Replay.objects.filter(case_set__workspace=workspace))
    page = page_of(request, found.order_by("-pk"))
    rows = CaseSet.objects.filter(workspace=workspace).light().annotate(Count("replays"))
    sets = list(rows.order_by("-pk"))
    template = "practice/replay_list.html"
    if htmx_of(request):
        template += "#sets"
    context = {
        "sets": [_set(one) for one in sets],
        "is_live": any(one.is_open for one in sets),
        "refresh_url": changed(request, page=parameter(request, "page")),
        "page": page,
        "rows": [_row(replay) for replay in page.object_list],
        "may_review": membership_of(request).may_review,
        "may_edit": membership_of(request).may_edit,
        "tab": "evaluation",
    }
    return render(request, template, context)


def _set(case_set: Any) -> dict[str, Any]:
    """A set as a row, with what its forms send back; its replays are counted already."""
    goes = {"cases": len(case_set.cases), "replays": case_set.replays__count}
    return {
        "set": case_set,
        "variants": _variants(case_set),
        "name_seen": shown(holdings.name_of(case_set)),
        "goes_seen": shown(goes),
    }


def _variants(case_set: CaseSet) -> list[tuple[str, str]]:
    """What may be taken away from the cases of a set."""
    return [(key, word) for key, word in VARIANTS[Kind(case_set.kind)].items() if key != WHOLE]


def _with_counts(rows: Any) -> Any:
    return (
        rows.select_related("case_set", "started_by")
        .defer("case_set__archive", "case_set__truths")
        .annotate(
            case_count=Count("cases"),
            ended_count=Count("cases", filter=~Q(cases__status__in=["waiting", "running"])),
        )
    )


def _row(replay: Replay) -> dict[str, Any]:
    return {"replay": replay, "whole": replay.result.get("variants", {}).get(WHOLE)}


@require_POST
@gate(Right.REVIEW)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    sets = CaseSet.objects.filter(workspace=workspace_of(request)).defer("archive")
    case_set = object_or_404(sets.select_related("workspace"), pk=pk)
    try:
        replay = services.replay_start(
            case_set=case_set, variants=request.POST.getlist("variant"), by=request.user
        )
    except UnableTo as error:
        messages.error(request, str(error))
        return redirect("replay-list")
    return redirect(replay)


@require_safe
@gate(Right.READ)
def replay_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _replay(request, pk))


def _detail(request: HttpRequest, replay: Any, *, status: int = 200, **also: Any) -> HttpResponse:
    template = "practice/replay_detail.html"
    seen = f"{replay.state}-{replay.ended_count}"
    if htmx_of(request):
        if parameter(request, "seen") == seen:
            return HttpResponse(status=204)
        template += "#replay"
    context = {
        "replay": replay,
        "seen": seen,
        "may_review": membership_of(request).may_review,
        "may_edit": membership_of(request).may_edit,
        "baseline_seen": shown(services.baseline_of(replay.case_set)),
        "name_seen": shown(holdings.name_of(replay)),
        "goes": (goes := {"answers": replay.case_count, "is_baseline": replay.is_baseline}),
        "goes_seen": shown(goes),
        **_figures(request, replay),
        **also,
    }
    return render(request, template, context, status=status)


def _figures(request: HttpRequest, replay: Replay) -> dict[str, Any]:
    """The figures of every variant, and the cases of the one that was asked for."""
    variants = replay.result.get("variants", {})
    asked = request.GET.get("variant", WHOLE)
    chosen = asked if asked in replay.variants else WHOLE
    words = VARIANTS[Kind(replay.case_set.kind)]
    truths = replay.case_set.truths
    pages = dict(replay.cases.filter(variant=chosen).values_list("case_id", "pk"))
    base = variants.get(WHOLE, {})
    return {
        "variants": [
            {
                "key": key,
                "word": words.get(key, key),
                "figures": found,
                "lost": _lost(found, base) if key != WHOLE else None,
            }
            for key, found in variants.items()
        ],
        "whole": base,
        "by_type": sorted(variants.get(chosen, {}).get("by_fault_type", {}).items()),
        "shown": chosen,
        "shown_word": words.get(chosen, chosen),
        "is_steps": replay.case_set.kind == Kind.TRAJECTORIES,
        "has_agents": "agent_at_1" in base,
        "is_labelled": "r_at_1" in base,
        "gate": replay.result.get("gate"),
        "cases": [
            _case(case, truths.get(case["case_id"], {})) | {"page": pages.get(case["case_id"])}
            for case in variants.get(chosen, {}).get("per_case", ())
        ],
        "trouble": _in_trouble(replay),
    }


def _in_trouble(replay: Replay) -> list[ReplayCase]:
    """The first cases that failed, each once: what ails one mostly does under every variant."""
    failed = replay.cases.filter(status=ReplayCase.Status.FAILED)
    return list(failed.order_by("case_id", "pk").distinct("case_id")[:10])


def _lost(found: dict[str, Any], base: dict[str, Any]) -> float | None:
    if "r_at_1" not in found or "r_at_1" not in base:
        return None
    return float(found["r_at_1"] - base["r_at_1"])


def _case(case: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    answer = _ANSWERS.get(case["outcome"], case["outcome"])
    return beside_truth(case, truth) | {"answer": answer}


@require_safe
@gate(Right.READ)
def replay_case(request: HttpRequest, pk: int, case: int) -> HttpResponse:
    """One case of a replay: what was ranked, what is true, and the steps of a trajectory."""
    replay = _replay(request, pk)
    row: ReplayCase = object_or_404(replay.cases.all(), pk=case)
    truth = replay.case_set.truths.get(row.case_id, {})
    answer = row.answer or {}
    found = answer.get("replayed")
    context = {
        "replay": replay,
        "row": row,
        "word": VARIANTS[Kind(replay.case_set.kind)].get(row.variant, row.variant),
        "is_steps": replay.case_set.kind == Kind.TRAJECTORIES,
        "case": _case(found, truth) if found else None,
        "true": truth.get("service", ""),
        "true_agent": truth.get("agent", ""),
        "fault_type": truth.get("fault_type", ""),
        "steps": steps_beside_truth(answer, truth),
    }
    return render(request, "practice/replay_case.html", context)


@require_POST
@gate(Right.REVIEW)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    replay = _replay(request, pk)
    try:
        services.replay_cancel(replay=replay, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{replay} is cancelled.")
    return redirect(replay)


@require_POST
@gate(Right.REVIEW)
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    replay = _replay(request, pk)
    try:
        holdings.replay_rename(
            replay=replay,
            name=request.POST.get("name", ""),
            seen=posted(request, "seen"),
            by=request.user,
        )
    except UnableTo as error:
        messages.error(request, str(error))
        return back(error, replay, "replay-list")
    messages.success(request, f"It is called {replay} now.")
    return redirect(replay)


@require_POST
@gate(Right.EDIT)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    replay = _replay(request, pk)
    try:
        holdings.replay_delete(replay=replay, seen=posted(request, "seen"), by=request.user)
    except ChangedMeanwhile:
        messages.error(request, NO_LONGER.format(replay))
        return redirect(replay)
    except UnableTo as error:
        messages.error(request, str(error))
        return back(error, replay, "replay-list")
    messages.success(request, f"{replay} is deleted.")
    return redirect("replay-list")


@require_POST
@gate(Right.REVIEW)
def baseline(request: HttpRequest, pk: int) -> HttpResponse:
    replay, seen = _replay(request, pk), posted(request, "seen")
    try:
        services.baseline_set(replay=replay, seen=seen, by=request.user)
    except ChangedMeanwhile as refusal:
        case_set = replay.case_set
        found = meanwhile(case_set.workspace, case_set, services.baseline_of(case_set), seen)
        again = _replay(request, pk)
        return _detail(request, again, status=refusal.status, meanwhile=found)
    except UnableTo as error:
        messages.error(request, str(error))
        return back(error, replay, "replay-list")
    messages.success(request, f"Later replays of this set are held against {replay}.")
    return redirect(replay)


def _replay(request: HttpRequest, pk: int) -> Any:
    rows = Replay.objects.filter(case_set__workspace=workspace_of(request))
    counted = rows.select_related("case_set__workspace", "started_by").defer("case_set__archive")
    return object_or_404(
        counted.annotate(
            case_count=Count("cases"),
            ended_count=Count("cases", filter=~Q(cases__status__in=["waiting", "running"])),
        ),
        pk=pk,
    )

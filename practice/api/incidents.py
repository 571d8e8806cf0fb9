"""REST views of incidents: alerts in, analyses, and a person's word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, SENDING, WRITING, NewestFirst, one_of
from memoryapp.api.permissions import HasScope, playbooks_of, workspace_of
from practice.api import incident_serializers as s
from practice.domain.alerts import NotAnAlert, Sent, read, read_alertmanager
from practice.models import Analysis, Attempt, Incident, TelemetrySource
from practice.queries import incidents as queries
from practice.services import causes, incidents


class NewestIncidentFirst(NewestFirst):
    ordering = "-number"


class IncidentList(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(
        parameters=[
            OpenApiParameter("status", str, enum=[*Incident.Status.values]),
            OpenApiParameter("outcome", str, enum=Incident.Outcome.values),
            OpenApiParameter("source", str),
            OpenApiParameter("q", str, description="Words in title, entry or cause."),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: s.IncidentSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """Incidents, newest first, in pages."""
        rows = queries.incidents(
            workspace_of(request),
            status=one_of(request, "status", Incident.Status.values),
            outcome=one_of(request, "outcome", Incident.Outcome.values),
            source=request.query_params.get("source", ""),
            q=request.query_params.get("q", ""),
        )
        return NewestIncidentFirst.answer(self, queries.with_figures(rows), s.IncidentSerializer)

    @extend_schema(
        request=s.IncidentRequest,
        parameters=[OpenApiParameter("source", str, description="The source to look in.")],
        responses={201: s.IncidentDetailSerializer, 400: PROBLEM, 404: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Open an incident from one alert, joining none that is open, and have it analysed."""
        body, asked = request.data, request.query_params.get("source", "")
        if isinstance(body, dict):
            asked = asked or body.get("source", "")
            body = {name: value for name, value in body.items() if name != "source"}
        try:
            alert = read(body)
        except NotAnAlert as error:
            raise ValidationError({"alert": [str(error)]}) from error
        incident = incidents.incident_create(
            workspace=workspace_of(request),
            alert=alert,
            source=_source(request, str(asked or "")),
            by=request.user,
        )
        return Response(_detail(request, incident.number), status=201)


class IncidentDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[
            OpenApiParameter("analysis", int, description="Another analysis than the newest."),
        ],
        responses={200: s.IncidentDetailSerializer, 404: PROBLEM},
    )
    def get(self, request: Request, number: int) -> Response:
        """One incident with its alerts, a list of its analyses and one of them whole."""
        return Response(_detail(request, number, request.query_params.get("analysis", "")))


class IncidentAnalyse(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING | {"DELETE": WRITING["POST"]}

    @extend_schema(
        request=s.AnalyseRequest,
        responses={202: s.AnalysisSerializer, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request, number: int) -> Response:
        """Look again: another window or limits, without memory, or with a step to test."""
        asked = s.AnalyseRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        window = None
        if "window_from" in values:
            window = (values.pop("window_from"), values.pop("window_to"))
        analysis = incidents.analysis_start(
            incident=_incident(request, number),
            by=request.user,
            window=window,
            uses_memory=values.pop("uses_memory"),
            test=values.pop("test", None),
            budget=values,
        )
        return Response(s.AnalysisSerializer(analysis).data, status=202)

    @extend_schema(responses={200: s.AnalysisSerializer, 404: PROBLEM, 409: PROBLEM})
    def delete(self, request: Request, number: int) -> Response:
        """Cancel the analysis that waits or works."""
        analysis = incidents.analysis_cancel(incident=_incident(request, number), by=request.user)
        return Response(s.AnalysisSerializer(analysis).data)


def _confirm(incident: Incident, asked: dict[str, Any], by: Any) -> Incident:
    """Say that the cause which was found is right. Memory counts its verdicts as confirmed."""
    return causes.cause_confirm(
        incident=incident, node=asked["cause"], by=by, analysis=asked["analysis"]
    )


def _correct(incident: Incident, asked: dict[str, Any], by: Any) -> Incident:
    """Name another cause. Memory forgets the wrong one and keeps the right one."""
    return causes.cause_correct(
        incident=incident,
        node=asked["cause"],
        reason=asked["reason"],
        by=by,
        analysis=asked["analysis"],
    )


def _dismiss(incident: Incident, asked: dict[str, Any], by: Any) -> Incident:
    """Say that nothing was wrong. Memory forgets what the analyses blamed."""
    return causes.incident_dismiss(incident=incident, reason=asked["reason"], by=by)


def _undo(incident: Incident, asked: dict[str, Any], by: Any) -> Incident:
    """Take a decision back. The incident is open again."""
    return causes.decision_undo(incident=incident, by=by)


#: A person's word, by the verb at the end of the URL.
DECISIONS: dict[str, Callable[[Incident, dict[str, Any], Any], Incident]] = {
    "confirm": _confirm,
    "correct": _correct,
    "dismiss": _dismiss,
    "undo": _undo,
}


class IncidentDecide(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING
    decide = staticmethod(_confirm)
    description = ""

    @extend_schema(
        request=s.DecideRequest,
        responses={200: s.IncidentDetailSerializer, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request, number: int) -> Response:
        asked = s.DecideRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        self.decide(_incident(request, number), asked.validated_data, request.user)
        return Response(_detail(request, number))


class AttemptCause(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(
        request=None,
        responses={201: s.IncidentDetailSerializer, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Ask which step decided a failed attempt; asked again, the same incident answers."""
        rows = Attempt.objects.filter(run__workspace=workspace_of(request))
        found = rows.select_related("task", "run__workspace", "run__environment")
        incident = incidents.attempt_analyse(attempt=object_or_404(found, pk=pk), by=request.user)
        return Response(_detail(request, incident.number), status=201)


class IncidentLesson(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(
        request=s.LessonRequest, responses={201: s.LessonReceipt, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, number: int) -> Response:
        """Send what a decided cause teaches into the review queue of a playbook."""
        asked = s.LessonRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        playbooks = playbooks_of(request)
        candidate = causes.lesson_submit(
            incident=_incident(request, number),
            playbook=object_or_404(playbooks, "playbook", slug=asked.validated_data["playbook"]),
            by=request.user,
        )
        said = {"candidate": candidate.pk, "url": candidate.get_absolute_url()}
        return Response(s.LessonReceipt(said).data, status=201)


class AlertList(APIView):
    permission_classes = (HasScope,)
    scopes = {"POST": SENDING["POST"]}

    @extend_schema(
        request=s.DocumentedAlertsRequest,
        responses={202: s.AlertsReceipt, 400: PROBLEM, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Send alerts: each joins the incident it belongs to, or opens one."""
        asked = s.AlertsRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        found: list[Sent] = []
        refused: list[str] = []
        for place, one in enumerate(asked.validated_data["alerts"]):
            try:
                found.append(read(one))
            except NotAnAlert as error:
                refused.append(f"Alert {place}: {error}")
        return _sent(request, found, refused, asked.validated_data.get("source", ""))


class AlertmanagerWebhook(APIView):
    permission_classes = (HasScope,)
    scopes = {"POST": SENDING["POST"]}

    @extend_schema(
        parameters=[OpenApiParameter("source", str, description="The source to look in.")],
        request=OpenApiTypes.OBJECT,
        responses={202: s.AlertsReceipt, 400: PROBLEM, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Take Prometheus Alertmanager's webhook (version 4)."""
        try:
            found, refused = read_alertmanager(request.data)
        except NotAnAlert as error:
            raise ValidationError({"alerts": [str(error)]}) from error
        return _sent(request, found, refused, request.query_params.get("source", ""))


def _sent(request: Request, found: list[Sent], refused: list[str], slug: str) -> Response:
    receipt = incidents.alerts_send(
        workspace=workspace_of(request),
        alerts=found,
        refused=refused,
        source=_source(request, slug),
        by=request.user,
    )
    return Response(s.AlertsReceipt(receipt).data, status=202)


def _source(request: Request, slug: str) -> TelemetrySource | None:
    """The named source; the workspace's only one where none is named."""
    rows = workspace_of(request).telemetry_sources.all()
    if slug:
        return object_or_404(rows, slug=slug)
    only = list(rows.filter(is_sample=False)[:2])
    return only[0] if len(only) == 1 else None


def _incident(request: Request, number: int) -> Incident:
    rows = Incident.objects.filter(workspace=workspace_of(request))
    return object_or_404(rows.select_related("workspace", "source"), number=number)


def _detail(request: Request, number: int, asked: str = "") -> Any:
    workspace = workspace_of(request)
    # Before its incident, which repeats what an end found: who waits for the end reads it there.
    rows = Analysis.objects.filter(incident__workspace=workspace, incident__number=number)
    looks = list(rows.light())
    shown = next((row.pk for row in looks if asked in {"", str(row.number)}), 0)
    chosen = rows.filter(pk=shown).first()
    found = queries.with_figures(queries.incidents(workspace))
    incident: Any = object_or_404(found, number=number)
    if asked and chosen is None:
        raise NotFound(f"{incident} has no analysis {asked[:20]}.")
    incident.looks, incident.chosen = looks, chosen
    return s.IncidentDetailSerializer(incident).data

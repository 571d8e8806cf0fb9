"""What the API says of incidents, analyses and telemetry."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from memoryapp.api.contract import SeenRequest, WriteRequest
from memoryapp.domain.seen import shown
from practice.domain.alerts import MAX_BATCH
from practice.domain.decisive import CONFIRMED, REFUTED, UNTESTED
from practice.models import Analysis, Incident, IncidentAlert, TelemetryFile, TelemetrySource
from practice.services import holdings
from practice.services.analysis_asked import LIMITS
from practice.services.leading import notes_of
from practice.services.naming import MOST
from practice.services.telemetry import COLUMNS, mapping_of


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    source = serializers.CharField(  # type: ignore[assignment]  # a field of that very name
        source="source.slug", default=None, allow_null=True
    )
    alerts = serializers.IntegerField(source="alert_count")
    analysis = serializers.CharField(
        source="analysis_status", allow_null=True, help_text="State of the newest analysis."
    )

    class Meta:
        model = Incident
        fields = (
            "number",
            "kind",
            "title",
            "source",
            "system",
            "entry",
            "severity",
            "status",
            "outcome",
            "top_cause",
            "top_score",
            "cause",
            "cause_reason",
            "alerts",
            "analysis",
            "begins_at",
            "ends_at",
            "created_at",
        )


class AlertSerializer(serializers.ModelSerializer[IncidentAlert]):
    id = serializers.CharField(source="external_id")

    class Meta:
        model = IncidentAlert
        fields = (
            "id",
            "at",
            "resolved_at",
            "entry",
            "severity",
            "signal",
            "metric",
            "labels",
            "count",
        )


class StepTestSerializer(serializers.Serializer[Any]):
    """A step of a failed attempt, run again with other arguments and once as it was."""

    step = serializers.IntegerField()
    verdict = serializers.ChoiceField(choices=[CONFIRMED, REFUTED, UNTESTED])
    why = serializers.CharField()
    tool = serializers.CharField(required=False)
    was = serializers.DictField(required=False, help_text="Its arguments as they were.")
    right = serializers.DictField(required=False, help_text="The arguments it was tested with.")
    corrected = serializers.CharField(required=False, help_text="Label with those arguments.")
    control = serializers.CharField(required=False, help_text="Label with the step as it was.")


class SaidSerializer(serializers.Serializer[Any]):
    """A sentence of a model about the answer, as far as it could be checked."""

    text = serializers.CharField()
    about = serializers.ListField(child=serializers.CharField(), help_text="Node ids.")
    evidence = serializers.ListField(child=serializers.CharField(), help_text="Evidence ids.")


class RecalledSerializer(serializers.Serializer[Any]):
    """A lesson of an earlier incident beside this answer: how alike they look, what follows."""

    bullet = serializers.CharField()
    node = serializers.CharField()
    incident = serializers.CharField()
    alike = serializers.FloatField()
    leads = serializers.BooleanField()
    said = serializers.CharField()


class AnalysisSerializer(serializers.ModelSerializer[Analysis]):
    """``result`` is the whole analysis: causes, graph, evidence, visits, hits, budget.

    ``notes`` say what of the telemetry was cut off, left out or odd, and where the lesson that the
    answer follows was taken back since.
    """

    notes = serializers.SerializerMethodField()
    words = SaidSerializer(source="panels.words", many=True, default=list)
    tested = StepTestSerializer(source="panels.test", default=None, allow_null=True)
    lessons = RecalledSerializer(source="panels.lessons", many=True, default=list)

    class Meta:
        model = Analysis
        fields = (
            "number",
            "status",
            "message",
            "window_from",
            "window_to",
            "budget",
            "uses_memory",
            "progress",
            "is_aside",
            "outcome",
            "statement",
            "notes",
            "words",
            "lessons",
            "followed",
            "result",
            "tested",
            "created_at",
            "ended_at",
        )

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_notes(self, row: Analysis) -> list[str]:
        return notes_of(row)


class LookSerializer(serializers.ModelSerializer[Analysis]):
    """One analysis of several: when, where and how it ended. Ask for it by its number."""

    class Meta:
        model = Analysis
        fields = (
            "number",
            "status",
            "window_from",
            "window_to",
            "uses_memory",
            "is_aside",
            "outcome",
            "created_at",
        )


class IncidentDetailSerializer(IncidentSerializer):
    """The first of ``analyses`` that is done and not aside is the incident's answer."""

    alert_rows = AlertSerializer(source="alerts", many=True)
    analyses = LookSerializer(source="looks", many=True)
    analysis_row = AnalysisSerializer(
        source="chosen", allow_null=True, help_text="The newest, or the one that was asked for."
    )

    class Meta(IncidentSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *IncidentSerializer.Meta.fields,
            "alert_rows",
            "analyses",
            "analysis_row",
        )


class SentAlert(serializers.Serializer[Any]):
    """One alert. Times are ISO 8601 or epoch seconds."""

    id = serializers.CharField(required=False, help_text="Your name for it; sent twice, kept once.")
    at = serializers.CharField()
    entry = serializers.CharField(required=False, help_text="The component in trouble.")
    title = serializers.CharField(required=False)
    signal = serializers.CharField(required=False)
    metric = serializers.CharField(required=False)
    severity = serializers.CharField(required=False)
    system = serializers.CharField(required=False)
    trace_id = serializers.CharField(required=False)
    span_id = serializers.CharField(required=False)
    onset_between = serializers.ListField(
        child=serializers.CharField(), required=False, min_length=2, max_length=2
    )
    labels = serializers.DictField(child=serializers.CharField(), required=False)


class IncidentRequest(SentAlert):
    """One alert, and where to look."""

    source = serializers.CharField(  # type: ignore[assignment]  # a field of that very name
        required=False, help_text="The telemetry source to look in; may stand in the query."
    )


class AlertsRequest(WriteRequest):
    source = serializers.SlugField(  # type: ignore[assignment]  # a field of that very name
        required=False, help_text="The telemetry source to look in."
    )
    # Alerts are read one by one: a bad one is reported and the others are kept.
    alerts = serializers.ListField(
        child=serializers.JSONField(), min_length=1, max_length=MAX_BATCH
    )


class DocumentedAlertsRequest(AlertsRequest):
    alerts = SentAlert(many=True)  # type: ignore[assignment]


class AlertsReceipt(serializers.Serializer[Any]):
    """Numbers of incidents that were opened and joined, and what was refused and why."""

    opened = serializers.ListField(child=serializers.IntegerField())
    joined = serializers.ListField(child=serializers.IntegerField())
    known = serializers.IntegerField()
    refused = serializers.ListField(child=serializers.CharField())


class StepTestRequest(WriteRequest):
    step = serializers.IntegerField(min_value=1)
    arguments = serializers.DictField(help_text="All arguments the step is to be made with.")


class AnalyseRequest(WriteRequest):
    window_from = serializers.DateTimeField(required=False)
    window_to = serializers.DateTimeField(required=False)
    depth = serializers.IntegerField(required=False, min_value=1, max_value=LIMITS["depth"])
    visits = serializers.IntegerField(required=False, min_value=1, max_value=LIMITS["visits"])
    model_calls = serializers.IntegerField(
        required=False, min_value=0, max_value=LIMITS["model_calls"]
    )
    seconds = serializers.FloatField(required=False, min_value=1, max_value=LIMITS["seconds"])
    uses_memory = serializers.BooleanField(default=True)
    test = StepTestRequest(
        required=False, help_text="Of a failed attempt: the step to run again, and how."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A window has two ends, or it was a mistake."""
        if ("window_from" in attrs) != ("window_to" in attrs):
            raise serializers.ValidationError(
                {"window_to": ["Give both ends of the window, or neither."]}
            )
        return attrs


class DecideRequest(WriteRequest):
    cause = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="A node, such as service:ledger-db."
    )
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=1_000)
    analysis = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=2**31 - 1,
        help_text="The number of the analysis decided on; left out, the one that answers it.",
    )


class LessonRequest(WriteRequest):
    playbook = serializers.SlugField()


class LessonReceipt(serializers.Serializer[Any]):
    candidate = serializers.UUIDField()
    url = serializers.CharField()


class TelemetrySourceSerializer(WriteRequest, serializers.ModelSerializer[TelemetrySource]):
    shown = serializers.SerializerMethodField()

    class Meta:
        model = TelemetrySource
        fields: tuple[str, ...] = ("slug", "name", "mapping", "shown", "created_at")
        read_only_fields = ("slug", "mapping", "created_at")

    def get_shown(self, source: TelemetrySource) -> dict[str, str]:
        """By kind: send it as seen when you say what the columns of that kind are called."""
        return {kind: shown(mapping_of(source, kind)) for kind in COLUMNS}


class SourceGoesSerializer(serializers.Serializer[Any]):
    """What goes with a source; of its incidents, how many stay without telemetry."""

    files = serializers.IntegerField()
    rows = serializers.IntegerField()
    incidents = serializers.IntegerField()


class NamedSerializer(serializers.Serializer[Any]):
    """Adds the name that a rename must repeat, so that two renames cannot cross."""

    shown_name = serializers.SerializerMethodField(
        help_text="Send it as seen when you give another name."
    )

    def get_shown_name(self, row: holdings.Held) -> str:
        return shown(holdings.name_of(row))


class SourceDetailSerializer(NamedSerializer, TelemetrySourceSerializer):
    """A source, and what would be deleted with it."""

    goes = serializers.SerializerMethodField()

    class Meta(TelemetrySourceSerializer.Meta):
        fields = (*TelemetrySourceSerializer.Meta.fields, "goes", "shown_name")

    @extend_schema_field(SourceGoesSerializer)
    def get_goes(self, source: TelemetrySource) -> dict[str, Any]:
        return holdings.source_holds(source)


class RenameRequest(SeenRequest):
    name = serializers.CharField(max_length=MOST, allow_blank=True)


class TelemetryFileSerializer(serializers.ModelSerializer[TelemetryFile]):
    source = serializers.CharField(  # type: ignore[assignment]  # a field of that very name
        source="source.slug"
    )
    incident = serializers.IntegerField(source="incident.number", default=None, allow_null=True)

    class Meta:
        model = TelemetryFile
        fields = (
            "id",
            "source",
            "incident",
            "kind",
            "is_reference",
            "name",
            "digest",
            "size",
            "status",
            "message",
            "percent",
            "rows",
            "first_at",
            "last_at",
            "services",
            "notes",
            "created_at",
        )


class MappingRequest(SeenRequest):
    kind = serializers.ChoiceField(choices=TelemetryFile.Kind.choices)
    columns = serializers.DictField(
        child=serializers.CharField(allow_blank=True),
        help_text=(
            "Our column to theirs; time_unit and, of traces and edges, duration_unit are s, ms, us "
            "or ns."
        ),
    )

"""Approved trajectories as files for fine-tuning."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, StoredForm, one_of
from memoryapp.api.permissions import HasScope, workspace_of
from memoryapp.services.patience import at_leisure
from practice.queries.tuning import FORMS, tuning_lines

LINES = "application/x-ndjson"


class FineTuning(APIView):
    permission_classes = (HasScope,)
    content_negotiation_class = StoredForm
    scopes = READING

    @extend_schema(
        operation_id="trajectories_fine_tuning",
        parameters=[
            OpenApiParameter("format", str, enum=[*FORMS], required=True),
            OpenApiParameter("environment", str, description="Slug. Default: all of them."),
            OpenApiParameter(
                "confirmed", bool, description="Only attempts a person confirmed or overruled."
            ),
        ],
        responses={(200, LINES): OpenApiTypes.BINARY, 400: PROBLEM, 404: PROBLEM},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Approved trajectories as OpenAI's JSONL, one line each, streamed.

        ``sft`` is one conversation per line, from attempts whose current label is success.
        ``dpo`` is one line for an accepted and a rejected attempt at the same task.
        """
        form = one_of(request, "format", FORMS)
        if not form:
            raise ValidationError({"format": [f"Choose one of: {', '.join(FORMS)}."]})
        workspace = workspace_of(request)
        environment = request.query_params.get("environment", "")
        if environment:
            object_or_404(workspace.environments.all(), slug=environment)
        confirmed = one_of(request, "confirmed", ("true", "false")) == "true"
        lines = tuning_lines(workspace, form, environment=environment, confirmed=confirmed)
        answer = StreamingHttpResponse(at_leisure(lines), content_type=LINES)
        name = "-".join(part for part in (environment, form) if part)
        answer["Content-Disposition"] = f'attachment; filename="{name}.jsonl"'
        return answer

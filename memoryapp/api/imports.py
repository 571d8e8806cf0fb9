"""Playbooks from files, with a report for every bullet."""

from __future__ import annotations

from collections import Counter
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, WRITING, SeenRequest
from memoryapp.api.permissions import HasScope, playbooks_of
from memoryapp.domain.reading import READERS
from memoryapp.domain.readings import CHARACTERS_MOST
from memoryapp.domain.seen import shown
from memoryapp.services.imports import VERDICTS, Conflict, playbook_import, texts_replaced


class ImportRequest(SeenRequest):
    format = serializers.ChoiceField(choices=[*READERS])
    content = serializers.CharField(
        max_length=CHARACTERS_MOST,
        trim_whitespace=False,
        help_text="The text of the file; of a skill SKILL.md, or its folder as a zip in base64.",
    )
    on_conflict = serializers.ChoiceField(
        choices=["skip", "overwrite", "new"],
        default="skip",
        help_text="What to do with a bullet whose label already has another text here.",
    )
    dry_run = serializers.BooleanField(default=False, help_text="Only say what would happen.")


class ImportRow(serializers.Serializer[Any]):
    place = serializers.CharField()
    verdict = serializers.ChoiceField(choices=VERDICTS)
    message = serializers.CharField()


class ImportReport(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    shown = serializers.CharField(
        help_text="Of the texts it replaces. Send that of a dry run as seen with the import: it is "
        "refused if it would replace others by then."
    )
    counts = serializers.DictField(child=serializers.IntegerField())
    rows = ImportRow(many=True)


class PlaybookImport(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(
        request=ImportRequest,
        responses={200: ImportReport, 400: PROBLEM, 404: PROBLEM, 409: PROBLEM, 422: PROBLEM},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Add the bullets of a file to a playbook, approved. Sent twice, nothing is added twice.

        ``dry_run`` decides all of it and stores nothing; the report is the same.
        """
        asked = ImportRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        outcomes = playbook_import(
            playbook=object_or_404(playbooks_of(request), slug=slug),
            form=values["format"],
            text=values["content"],
            by=request.user,
            on_conflict=Conflict(values["on_conflict"]),
            dry_run=values["dry_run"],
            seen=values.get("seen"),
        )
        found = Counter(outcome.verdict for outcome in outcomes)
        report = {
            "dry_run": values["dry_run"],
            "shown": shown(texts_replaced(outcomes)),
            "counts": {verdict: found[verdict] for verdict in VERDICTS},
            "rows": outcomes,
        }
        return Response(ImportReport(report).data)

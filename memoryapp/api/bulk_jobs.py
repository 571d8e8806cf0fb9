"""What bulk decisions and bulk changes have in common: jobs over many rows that are continued."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import WRITING, ByRow
from memoryapp.api.permissions import HasScope, workspace_of


class JobSerializer(serializers.ModelSerializer[Any]):
    """Call ``continue`` until ``ended_at`` is set."""

    asked_by = serializers.CharField(source="asked_by.username", default=None, allow_null=True)
    done = serializers.SerializerMethodField()
    left = serializers.SerializerMethodField()

    def get_done(self, row: Any) -> int:
        return int(row.outcomes.filter(done=True).count())

    def get_left(self, row: Any) -> int:
        return int(row.outcomes.filter(done=False).count())


class JobView(APIView):
    """The jobs of one kind in the workspace; ``serializer`` says which."""

    permission_classes = (HasScope,)
    scopes: Any = WRITING
    serializer: type[JobSerializer]

    def job(self, request: Request, pk: int) -> Any:
        """The job at an address, or 404."""
        kind: Any = self.serializer.Meta.model
        jobs = kind.objects.filter(workspace=workspace_of(request))
        return object_or_404(jobs.select_related("asked_by"), pk=pk)

    def told(self, job: Any, status: int = 200) -> Response:
        """How far a job is."""
        return Response(self.serializer(job).data, status=status)

    def outcomes(
        self, request: Request, pk: int, row: type[serializers.ModelSerializer[Any]]
    ) -> Response:
        """What came of each row of a job, in pages."""
        return ByRow.answer(self, self.job(request, pk).outcomes.all(), row)

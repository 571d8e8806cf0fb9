"""How far review is: every figure leads to its rows."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.services.decisions import candidate_approve, candidate_reject
from tests.factories import CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


def test_every_figure_leads_to_its_rows(workspace: Any, rita: Any, rita_client: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    _, approved, rejected, other = CandidateFactory.create_batch(4, playbook=playbook)
    candidate_approve(candidate=approved, by=rita)
    for candidate in (rejected, other):
        candidate_reject(candidate=candidate, by=rita, reason="Not true")
    page = rita_client.get("/review/progress/")
    ((row),) = page.context["playbooks"]
    assert [count for count, _ in row["counts"]] == [1, 1, 2]
    for count, url in row["counts"]:
        assert (
            f'<a class="link" href="{url.replace("&", "&amp;")}">{count}</a>'
            in page.content.decode()
        )
        assert rita_client.get(url).context["queue"]["matching"] == count

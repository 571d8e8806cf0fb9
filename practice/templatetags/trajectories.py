"""Rows of a list of trajectories. Usage in a template: ``{% load trajectories %}``.

They are drawn without the template engine, for the reason ``memoryapp.templatetags.rows`` gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from memoryapp.templatetags.formats import duration, relative_time
from memoryapp.templatetags.ui import status
from practice.models import Attempt

register = template.Library()

#: tools of a task named in its row; the rest is counted.
TOOLS_NAMED = 4


@register.simple_tag
def trajectory_rows(rows: Iterable[tuple[Any, Any]], query: str) -> SafeString:
    """Return table rows of (attempt, its state). ``query`` is the filter their pages go on in.

    Attempts have ``task__round``, ``run`` and ``arm`` fetched, and ``overruled``: the label a
    person gave.
    """
    page = reverse("trajectory-detail", args=[0])
    kept = escape(query)
    drawn = []
    for attempt, state in rows:
        url = page.replace("/0/", f"/{attempt.pk}/")
        drawn.append(
            f'<tr data-row><td class="wide"><a class="row-link" href="{url}{kept}">'
            f"{escape(attempt.task.instruction)}</a>{_facts(attempt)}</td>"
            f"<td>{status(state.look, state.word)}{_overruled(attempt)}</td>"
            f'<td class="nw">{_scores(attempt)}</td>{_figures(attempt)}'
            f'<td class="nw"><a class="row-link" href="{attempt.run.get_absolute_url()}">'
            f'{attempt.run}</a><div class="meta">{_place(attempt)}</div></td>'
            f'<td class="nw">{relative_time(attempt.created_at)}</td></tr>'
        )
    return mark_safe("".join(drawn))


def _facts(attempt: Attempt) -> str:
    kind = f'<span class="tagl">{attempt.arm.get_kind_display()}</span>' if attempt.arm else ""
    tools = attempt.task.intended_tools
    named = "".join(f"<code>{escape(tool)}</code>" for tool in tools[:TOOLS_NAMED])
    more = f"<span>{len(tools)} tools in all</span>" if len(tools) > TOOLS_NAMED else ""
    return f'<div class="meta"><span>{attempt.pk}</span>{kind}{named}{more}</div>'


def _overruled(attempt: Any) -> str:
    if not attempt.overruled or attempt.overruled == attempt.label:
        return ""
    return f'<div class="meta">a person says {attempt.overruled}</div>'


def _scores(attempt: Attempt) -> str:
    if not attempt.feasibility:
        return '<span class="q">not scored</span>'
    return (
        f'<span title="Feasibility">{attempt.feasibility}</span> <span class="q">·</span> '
        f'<span title="Completion">{attempt.completion}</span>'
    )


def _figures(attempt: Attempt) -> str:
    took = '<span class="q">–</span>'
    if attempt.outcome:  # messages that were sent may say nothing of when
        ms = attempt.duration_ms
        took = duration(ms) if ms else '<span class="q">no times</span>'
    return (
        f'<td class="num" data-label="Steps">{attempt.step_count}</td>'
        f'<td class="num" data-label="Errors">{attempt.error_count}</td>'
        f'<td class="num" data-label="Time">{took}</td>'
    )


def _place(attempt: Attempt) -> str:
    return escape(str(attempt.arm)) if attempt.arm else f"round {attempt.task.round.number}"

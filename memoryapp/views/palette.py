"""What the palette finds besides the places and acts of the page it opens on."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, workspace_of
from memoryapp.models import Bullet, Workspace
from memoryapp.views.links import htmx_of, parameter, with_query

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Found:
    """One place to go: what it is, its name and its address."""

    kind: str
    name: str
    url: str


@require_safe
@gate(Right.READ)
def palette(request: HttpRequest) -> HttpResponse:
    """Playbooks, bullets, runs and trajectories that go by some words; a page without scripts."""
    words = parameter(request, "q")[:200]
    found = _found(workspace_of(request), words) if words else []
    page = "memoryapp/palette.html"
    part = f"{page}#found" if htmx_of(request) else page
    return render(request, part, {"q": words, "found": found})


def _found(workspace: Workspace, words: str) -> list[Found]:
    found: list[Found] = []
    number = words.lstrip("#")
    if number.isdecimal() and len(number) <= 9:
        run = workspace.runs.filter(number=int(number)).first()
        if run:
            found.append(Found("run", str(run), run.get_absolute_url()))
    playbooks = workspace.playbooks.filter(name__icontains=words).order_by("name")[:SHOWN]
    found += [Found("playbook", each.name, each.get_absolute_url()) for each in playbooks]
    bullets = Bullet.objects.filter(playbook__workspace=workspace).being_typed(words)
    for bullet in bullets.select_related("playbook").order_by("-updated_at", "pk")[:SHOWN]:
        said = " ".join(bullet.content.split())
        found.append(Found("bullet", f"{bullet.label} {said}", bullet.get_absolute_url()))
    for kind, name, page in (
        ("memory", "Search memory for", "entry-list"),
        ("trajectories", "Search trajectories for", "trajectory-list"),
    ):
        found.append(Found(kind, f"{name} “{words}”", with_query(reverse(page), {"q": words})))
    return found

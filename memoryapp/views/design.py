"""The design system as a living page: every part drawn by the tags and classes pages use."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate
from memoryapp.domain.playbook import SECTIONS
from memoryapp.models import Bullet, BulletRevision, Playbook
from memoryapp.queries.use import Curve
from memoryapp.templatetags.looks import LOOKS
from memoryapp.views.links import Chip
from memoryapp.views.review_evidence import ShownStep

ROLES = (
    ("canvas", "rail and queue"),
    ("panel", "page"),
    ("sunken", "quoted and secondary areas"),
    ("hover", "under the pointer"),
    ("line", "separators"),
    ("control", "edges of buttons and fields"),
    ("ink", "text"),
    ("ink-2", "second text"),
    ("ink-3", "meta, column heads"),
    ("accent", "main button, link, approved"),
    ("info", "proposed, running"),
    ("warn", "stale, gap, retrying"),
    ("danger", "rejected, error"),
    ("mute", "retired, queued"),
)
SIZES = (
    ("t-12", "12/16", "meta"),
    ("t-13", "13/20", "tables, buttons"),
    ("t-14", "14/20", "base"),
    ("t-16", "16/24", "text of memory"),
    ("t-20", "20/28", "page title"),
    ("t-28", "28/32", "the one number of Overview"),
)
SPACES = (4, 8, 12, 16, 20, 24, 32, 48)


@require_safe
@gate(Right.READ)
def design(request: HttpRequest) -> HttpResponse:
    context = {
        "roles": ROLES,
        "sizes": SIZES,
        "panes": [
            ("light", _steps(4), _peek(request, "pitfalls-007")),
            ("dark", _steps(7), _peek(request, "pitfalls-008")),
        ],
        "app_parts": _app_parts(),
        "rounds": [(8, 0), (8, 0), (5, 2), (0, 0)],
        "heats": range(1, 6),
        "spaces": [{"size": size, "width": size} for size in SPACES],
        "states": [(name, look) for name, look in LOOKS.items()],
        "sections": SECTIONS,
        "chips": [
            Chip("All", 12, "#chips", pressed=True),
            Chip("Approved", 9, "#chips", pressed=False),
            Chip("Stale", 3, "#chips", pressed=False),
        ],
        "values": (2, 3, 5, 4, 7),
        "before": "Verify the customer before a refund.",
        "after": "Verify the customer before every refund, with `verify_customer`.",
        "parts": [
            {"name": "strategies", "value": 40, "tone": "accent"},
            {"name": "pitfalls", "value": 25, "tone": "soft"},
        ],
    }
    return render(request, "memoryapp/design.html", context)


def _app_parts() -> list[tuple[str, dict[str, Any]]]:
    """What other apps draw: each brings its own parts, which this one does not know."""
    brings = (getattr(config, "design_part", None) for config in apps.get_app_configs())
    return [part() for part in brings if part]


def _peek(request: HttpRequest, label: str) -> dict[str, Any]:
    """A bullet of several lines that nobody has stored, as its peek shows it."""
    book = Playbook(slug="example", name="Example")
    bullet = Bullet(
        playbook=book,
        label=label,
        section="code_snippets",
        status="approved",
        content="To read all of `list_orders`:\nwhile cursor:\n    page = list_orders(cursor)",
        revision_count=2,
    )
    revision = BulletRevision(
        bullet=bullet,
        number=2,
        content=bullet.content,
        author_id=request.user.pk,
        created_at=timezone.now(),
    )
    return {
        "bullet": bullet,
        "evidence": [{"group": "Count the open orders", "tool": "list_orders", "number": 4}],
        "evidence_total": 1,
        "revisions": [{"revision": revision, "before": "To read `list_orders`:\npage by page"}],
        "served_by": ["production"],
        "curve": {
            "days": 7,
            "use": Curve(first=timezone.localdate(), pulls=(0, 31, 28, 40, 36, 51, 58), votes=4),
            "ends": ("Nov 2", "today"),
            "pulls_url": request.path,
            "votes_url": request.path,
        },
        # Nobody stored it, so it has no page.
        "page_url": request.path,
        "close_url": request.path,
    }


def _steps(first: int) -> list[ShownStep]:
    """Three steps in a row: one that failed, one that is cited, one that is not."""
    said: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("create_refund", {"order": "ORD-17", "amount": 184}, "APPROVAL_REQUIRED: limit is 150"),
        ("quote_refund", {"order": "ORD-17"}, "refundable: 184.00, approval_over: 150.00"),
        ("search_articles", {"q": "refund approval"}, "2 articles, none opened"),
    )
    return [
        ShownStep(
            number=first + place,
            tool=tool,
            arguments=arguments,
            excerpt=excerpt,
            is_error=place == 0,
            cited=place < 2,
            started_ms=600 * place,
            duration_ms=400 + 100 * place,
            input_tokens=212,
        )
        for place, (tool, arguments, excerpt) in enumerate(said)
    ]

"""What the web server loads before it forks."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = """
import gc, sys
import memoryapp.project.wsgi
assert {"memoryapp.views.review", "practice.api.views"} <= set(sys.modules), "the views"
assert "mcp_types" not in sys.modules, "a second and 23 MB for what pages never do"
from django.template import engines
read = engines["django"].engine.template_loaders[0].loaders[0].get_template_cache
assert {"base.html", "memoryapp/review.html", "practice/run_list.html"} <= set(read), "the pages"
print(gc.get_freeze_count())
"""


@pytest.mark.timeout(120)
def test_it_holds_all_views_and_pages_and_keeps_them_from_the_collector() -> None:
    said = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    ).stdout
    assert int(said) > 100_000

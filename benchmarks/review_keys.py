"""How fast a person can review with keys alone, with 1,000 and with 1,000,000 candidates waiting.

The product, started as ``make up`` starts it, and Chromium. Candidates are copied in with two cited
steps each, and a whole trajectory for those the script will read. The script then reviews as
a person would: it approves and rejects by key, one after the other, and goes on only when the next
candidate stands there with its evidence. A decision's time is measured inside of the page, from the
key until the frame that shows the next one is painted. Both sizes are measured in one product.

    python -m benchmarks.review_keys [--decisions 60] [--sizes 1000 1000000]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.product_api import in_shell
from tests.browser.conftest import sign_in
from tests.product import Product, start_product, stop_product

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: Candidates at the head of the queue that have their whole trajectory.
READ = 2_000
TO_BEAT_MS, TO_BEAT_RATE, TO_BEAT_RATIO = 150, 30, 1.3
WARM_UP = 8

_COPY = r"""
import hashlib, json, uuid
from datetime import timedelta
from django.db import connection
from django.utils import timezone
from memoryapp.domain.retrieval import bands
from memoryapp.models import Workspace
first, last = {first}, {last}
workspace = Workspace.objects.get()
books = list(workspace.playbooks.order_by("pk"))
if len(books) < 4:
    books += [workspace.playbooks.create(name=f"Desk {{n}}", slug=f"desk-{{n}}", token_budget=0)
              for n in range(4 - len(books))]
workspace.playbooks.update(token_budget=0)
begun = timezone.now() - timedelta(days=400)
nouns = ("order refund ticket invoice parcel label customer address voucher limit quote stock "
         "agent approval carrier price tax region batch payment").split()
verbs = "check read verify send wait close reopen merge cancel confirm list fetch".split()
sections = ("strategies", "pitfalls", "apis", "code_snippets")
def sentence(n):
    v, w = verbs, nouns
    return (f"{{v[n % 12].capitalize()}} the {{w[n // 7 % 20]}} before you {{v[n // 5 % 12]}} the "
            f"{{w[n // 11 % 20]}} of case {{n}}, and {{v[n // 13 % 12]}} its {{w[n // 3 % 20]}} "
            f"when `{{v[n // 17 % 12]}}_{{w[n // 19 % 20]}}` answers {{100 + n % 500}}.")
def id_of(n):
    return uuid.UUID(bytes=hashlib.md5(b"%d" % n).digest(), version=4)
scores = json.dumps({{"label": "success", "feasibility": 5, "feasibility_reason": "Every id was "
    "found.", "completion": 4, "completion_reason": "The refund exists.", "confidence": 0.9,
    "validator": "rules-1", "steps": 6, "checks": []}})
def copied(table, columns, lines):
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {{table}} ({{columns}}) FROM STDIN") as copy:
            copy.write("".join(lines))
def indexes():
    # What would be written row by row; the table's constraints stay.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i "
            "WHERE i.indrelid IN ('memoryapp_candidate'::regclass, 'memoryapp_evidence'::regclass) "
            "AND NOT i.indisunique")
        return cursor.fetchall()
CHUNK = 50_000
found = indexes() if last - first > CHUNK else []
with connection.cursor() as cursor:
    for name, _ in found:
        cursor.execute(f"DROP INDEX {{name}}")
wheres = [book.pk for book in books]
for start in range(first, last, CHUNK):
    numbers = range(start, min(start + CHUNK, last))
    copied("memoryapp_candidate", "id, workspace_id, playbook_id, op, section, content, reason, "
        "dedup_key, seen_count, origin_kind, origin_link, origin_name, scores, status, "
        "decision_reason, decided_content, audit, proposed_against, confidence, bands, created_at",
        (f"{{id_of(n)}}\t{{workspace.pk}}\t{{wheres[n % 4]}}\tADD\t{{sections[n % 4]}}\t"
         f"{{sentence(n)}}\tSeen twice.\tkey {{n}}\t1\trun\t/practice/runs/1/\t"
         f"Run {{n // 500 + 1}}\t{{scores}}\tpending\t\t\t\t{{{{}}}}\t0.9\t"
         f"{{{{{{','.join(map(str, bands(sentence(n))))}}}}}}\t"
         f"{{begun + timedelta(milliseconds=30 * n)}}\n" for n in numbers))
    copied("memoryapp_evidence", "candidate_id, kind, link, \"group\", number, tool, arguments, "
        "excerpt, is_error, duration_ms, digest",
        (f"{{id_of(n)}}\tstep\t/trajectories/{{n}}/#step-{{k}}\tRefund order {{n}}\t{{k}}\t"
         f"create_refund\t{{{{\"order\": {{n}}}}}}\tNOT_VERIFIED: verify first\t{{k == 3}}\t"
         f"400\t{{n}} {{k}}\n" for n in numbers for k in (3, 5)))
    if start < {read}:
        steps = json.dumps([
            {{"number": k, "tool": "get_order", "arguments": f"order: {{k}}", "said": "found",
              "is_error": False, "started_ms": 400 * k, "duration_ms": 380, "tokens": 210}}
            for k in range(1, 7)])
        copied("memoryapp_trail", "candidate_id, link, steps",
            (f"{{id_of(n)}}\t/trajectories/{{n}}/\t{{steps}}\n" for n in numbers if n < {read}))
with connection.cursor() as cursor:
    for _, definition in found:
        cursor.execute(definition)
with connection.cursor() as cursor:
    for table in ("candidate", "evidence", "trail", "tally"):
        cursor.execute(f"VACUUM ANALYZE memoryapp_{{table}}")
"""

#: Measures in the page: from a decision's key to the frame after the next candidate stands there.
_STOPWATCH = """
() => {
  window.took = [];
  let pressed = 0;
  document.addEventListener("keydown", (event) => {
    if (event.key === "a" || event.key === "r") pressed = performance.now();
  }, true);
  document.addEventListener("htmx:afterSettle", (event) => {
    // The rows of the queue come after the item, and are not what is waited for.
    if (!pressed || event.detail.target.id === "queue") return;
    const from = pressed;
    pressed = 0;
    // A task posted from a frame's callback runs when that frame has been painted.
    requestAnimationFrame(() => {
      const painted = new MessageChannel();
      painted.port1.onmessage = () => {
        const steps = document.querySelectorAll("#review .steps .step").length;
        window.took.push({ms: performance.now() - from, steps});
      };
      painted.port2.postMessage(0);
    });
  });
}
"""


def main() -> None:
    """Print one JSON line per figure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--decisions", type=int, default=60)
    options.add_argument("--sizes", type=int, nargs="+", default=[1_000, 1_000_000])
    asked = options.parse_args()
    data = Path(tempfile.mkdtemp(prefix="gr-review-keys-"))
    data.chmod(0o755)  # root's database user must be able to walk into it
    product = start_product(data)
    medians: list[float] = []
    try:
        filled = 0
        for size in asked.sizes:
            begun = time.monotonic()
            in_shell(data, _COPY.format(first=filled, last=size, read=READ))
            _figure("review_keys_copied", size - filled, None, seconds=time.monotonic() - begun)
            filled = size
            medians.append(_measured(product, size, asked.decisions))
    finally:
        stop_product(product)
        shutil.rmtree(data, ignore_errors=True)
    if len(medians) > 1:
        ratio = round(medians[-1] / medians[0], 2)
        _figure("review_keys_ratio_of_sizes", ratio, TO_BEAT_RATIO, sizes=asked.sizes)


def _measured(product: Product, size: int, decisions: int) -> float:
    """Review for a while and print the figures. Returns the median milliseconds to the next."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(
            base_url=product.url, viewport={"width": 1440, "height": 900}
        ).new_page()
        sign_in(page, product)
        page.goto("/review/")
        page.evaluate(_STOPWATCH)
        for place in range(WARM_UP):
            _decide(page, place)
        begun = time.monotonic()
        for place in range(decisions):
            _decide(page, place)
        seconds = time.monotonic() - begun
        took = page.evaluate("window.took").copy()[WARM_UP:]
        browser.close()
    assert len(took) == decisions, took
    assert all(each["steps"] >= 6 for each in took), "a candidate came without its evidence"
    times = sorted(each["ms"] for each in took)
    median = statistics.median(times)
    rate = 60 * decisions / seconds
    _figure("review_keys_decisions_per_minute", round(rate, 1), TO_BEAT_RATE, size=size)
    _figure("review_keys_next_item_ms_median", round(median, 1), TO_BEAT_MS, size=size)
    p95 = times[int(0.95 * (len(times) - 1))]
    _figure("review_keys_next_item_ms_p95", round(p95, 1), None, size=size)
    return median


def _decide(page: Page, place: int) -> None:
    """Approve, or reject every third for a reason, and wait until the next one stands there."""
    before = page.evaluate("window.took.length")
    if place % 3 == 2:
        page.keyboard.press(str(place % 5 + 1))
        page.keyboard.press("r")
    else:
        page.keyboard.press("a")
    page.wait_for_function("count => window.took.length > count", arg=before, timeout=30_000)


def _figure(name: str, value: float, peer: float | None, **more: Any) -> None:
    load = round(os.getloadavg()[0], 1)
    line = {"figure": name, "value": value, "peer": peer, **more, "load": load}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

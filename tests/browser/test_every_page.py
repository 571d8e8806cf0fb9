"""Every page, in light, dark and on a phone: accessible, quiet in the console, never too wide."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import sign_in
from tests.product import Product

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
PAGES = (
    "/",
    "/review/",
    "/review/?status=approved",
    "/review/bulk/",
    "/review/progress/",
    "/playbooks/help-desk/policy/",
    "/playbooks/",
    "/playbooks/help-desk/",
    "/playbooks/help-desk/?tab=releases",
    "/playbooks/help-desk/?tab=use",
    "/playbooks/help-desk/releases/1/",
    "/playbooks/help-desk/import/",
    "/playbooks/help-desk/?arrange=1",
    "/playbooks/help-desk/?tab=sources",
    "/memory/",
    "/memory/?q=before&sort=best",
    "/memory/duplicates/",
    "/memory/recalls/",
    "/trajectories/",
    "/trajectories/1/",
    "/trajectories/1/?view=tree&find=order",
    "/trajectories/1/compare/2/",
    "/practice/",
    "/practice/new/",
    "/practice/runs/1/",
    "/practice/costs/",
    "/practice/calls/",
    "/practice/experiments/",
    "/practice/experiments/new/",
    "/practice/calibration/",
    "/environments/",
    "/environments/new/",
    "/environments/help-desk/",
    "/environments/help-desk/prompts/",
    "/environments/help-desk/prompts/solver/",
    "/coverage/",
    "/root-causes/",
    "/root-causes/1/",
    "/root-causes/new/",
    "/root-causes/telemetry/",
    "/root-causes/telemetry/train-tickets-sample/",
    "/root-causes/evaluation/",
    "/analytics/?days=7",
    "/environments/help-desk/memory/",
    "/environments/help-desk/memory/?tab=pairs",
    "/environments/help-desk/memory/?tab=facts",
    "/environments/help-desk/memory/?tab=wishes",
    "/environments/help-desk/memory/?tab=shown",
    "/environments/help-desk/memory/?tab=files",
    "/settings/keys/",
    "/settings/members/",
    "/settings/webhooks/",
    "/settings/models/",
    "/settings/audit/",
    "/settings/password/",
    "/design/",
    "/palette/?q=refund",
    "/no-such-page/",
)


@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 1024), ("light", 360)]
)
def test_every_page_is_accessible_and_fits(
    published: Any, browser: Browser, product: Product, theme: str, width: int
) -> None:
    context = browser.new_context(base_url=product.url, viewport={"width": width, "height": 900})
    context.add_cookies([{"name": "theme", "value": theme, "url": product.url}])
    page = context.new_page()
    sign_in(page, product)
    broken: list[str] = []
    for path in PAGES:
        page.goto(path)
        page.evaluate(AXE)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        broken += [f"{path}: {v['id']} {v['nodes'][0]['html'][:120]}" for v in found["violations"]]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            broken.append(f"{path}: {wide} px wide at {width}")
    context.close()
    assert broken == []

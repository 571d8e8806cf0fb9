"""Vendored files, icons, colors and the rules the content security policy sets for templates."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from django.template.loader import get_template, render_to_string

from memoryapp.templatetags.looks import LOOKS

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MANIFEST = json.loads((STATIC / "vendor" / "manifest.json").read_text())

TEXTS = ("ink", "ink-2", "ink-3", "accent", "info", "warn", "danger", "mute")
GROUNDS = ("canvas", "panel", "sunken", "hover")
TINTED = ("accent", "info", "warn", "danger", "mute")
TEXT_PAIRS = [
    *((text, ground) for text in TEXTS for ground in GROUNDS),
    *((tone, f"{tone}-tint") for tone in TINTED),
    *(("ink", f"{tone}-tint") for tone in TINTED),
    ("ink-3", "accent-tint"),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("ins", "ins-bg"),
    ("del", "del-bg"),
    *((f"heat-{step}-ink", f"heat-{step}") for step in range(1, 6)),
]
CONTROL_PAIRS = [
    (edge, ground) for edge in ("control", "focus") for ground in ("canvas", "panel", "sunken")
]


def themes() -> dict[str, dict[str, str]]:
    """Read the color roles of each block of tokens.css: light, dark, and dark by the system."""
    blocks = re.findall(r"\{([^{}]*--canvas[^{}]*)\}", (STATIC / "css" / "tokens.css").read_text())
    roles = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]
    return dict(zip(("light", "dark", "auto"), roles, strict=True))


def luminance(color: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def ratio(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def sprite_names() -> set[str]:
    return set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "img" / "icons.svg").read_text()))


@pytest.mark.parametrize("entry", MANIFEST["files"], ids=lambda entry: entry["path"])
def test_it_ships_vendored_files_as_the_manifest_says(entry: dict[str, str]) -> None:
    data = (STATIC / entry["path"]).read_bytes()

    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    assert entry["package"]
    assert entry["version"]
    assert entry["license"]


def test_it_lists_every_vendored_file_in_the_manifest() -> None:
    shipped = {
        path.relative_to(STATIC).as_posix()
        for path in (STATIC / "vendor").rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }

    assert shipped <= {entry["path"] for entry in MANIFEST["files"]}


def test_it_keeps_the_license_text_of_each_package() -> None:
    for package in ("sans", "serif", "mono"):
        assert (
            "SIL OPEN FONT LICENSE" in (STATIC / "vendor/plex" / f"OFL-{package}.txt").read_text()
        )
    assert "ISC License" in (STATIC / "vendor" / "lucide" / "LICENSE").read_text()


def test_it_has_every_icon_that_is_asked_for() -> None:
    asked = {look.icon for look in LOOKS.values()}
    for path in TEMPLATES:
        asked |= set(re.findall(r"""\{% icon ["']([\w-]+)["']""", path.read_text()))

    assert asked - sprite_names() == set()


def test_it_has_no_icon_that_nothing_names() -> None:
    """Every reader's browser fetches them all."""
    folders = ("memoryapp", "practice", "templates", "static/js")
    code = [p for name in folders for p in (STATIC.parent / name).rglob("*.*")]
    said = " ".join(p.read_text() for p in code if p.suffix in {".py", ".html", ".js"})

    assert {name for name in sprite_names() if not re.search(f"[\"'#]{name}[\"']", said)} == set()


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_it_keeps_text_readable_in_every_theme(theme: str) -> None:
    colors = themes()[theme]

    weak = {
        pair: round(ratio(colors[pair[0]], colors[pair[1]]), 2)
        for pair in TEXT_PAIRS
        if ratio(colors[pair[0]], colors[pair[1]]) < 4.5
    }

    assert weak == {}


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_it_keeps_edges_of_controls_visible_in_every_theme(theme: str) -> None:
    colors = themes()[theme]

    assert all(ratio(colors[edge], colors[ground]) >= 3 for edge, ground in CONTROL_PAIRS)


def test_it_uses_the_dark_colors_when_the_system_asks_for_them() -> None:
    assert themes()["auto"] == themes()["dark"]


def test_it_defines_every_variable_the_style_sheets_use() -> None:
    sheets = {path.name: path.read_text() for path in (STATIC / "css").glob("*.css")}
    defined = set(re.findall(r"--([\w-]+):", "\n".join(sheets.values())))

    for name, sheet in sheets.items():
        assert set(re.findall(r"var\(--([\w-]+)", sheet)) - defined == set(), name


def test_it_links_every_style_sheet() -> None:
    linked = "".join(path.read_text() for path in TEMPLATES)

    for path in (STATIC / "css").glob("*.css"):
        assert f'"css/{path.name}"' in linked


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_it_writes_templates_the_security_policy_allows(path: Path) -> None:
    source = path.read_text()

    assert not re.search(r"\sstyle\s*=", source)
    assert not re.search(r"<style|\son\w+\s*=\s*[\"']|javascript:|hx-on", source)
    assert not re.search(r"<script(?![^>]*\bsrc=)", source)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_it_compiles_every_template(path: Path) -> None:
    assert get_template(path.relative_to(ROOT / "templates").as_posix())


def test_it_shows_the_error_page_without_a_request() -> None:
    assert "The server failed" in render_to_string("500.html")


def test_it_loads_nothing_from_other_hosts() -> None:
    for path in [*TEMPLATES, *(STATIC / "css").glob("*.css"), *(STATIC / "js").glob("*.js")]:
        loads = re.findall(
            r"""(?:src|url|href|import)\s*[=(]?\s*["']?(https?://[^"')\s]+)""", path.read_text()
        )
        assert loads == [], path.name


def classes_of(names: set[str]) -> set[str]:
    sheets = ((STATIC / "css" / name).read_text() for name in sorted(names))
    return {name for sheet in sheets for name in re.findall(r"\.([a-zA-Z][\w-]*)", sheet)}


#: Sheets that only some pages load: the frame of those of practice.
SOME_PAGES = {"practice.css", "rootcause.css"}
OTHERS = [path for path in TEMPLATES if not path.is_relative_to(ROOT / "templates" / "practice")]


@pytest.mark.parametrize("path", OTHERS, ids=str)
def test_a_class_is_drawn_by_a_sheet_that_every_page_loads(path: Path) -> None:
    everywhere = classes_of({sheet.name for sheet in (STATIC / "css").glob("*.css")} - SOME_PAGES)
    elsewhere = classes_of(SOME_PAGES) - everywhere
    used = {
        name
        for value in re.findall(r'class="([^"]*)"', path.read_text())
        for name in re.sub(r"{%.*?%}|{{.*?}}", " ", value).split()
    }
    assert used & elsewhere == set()

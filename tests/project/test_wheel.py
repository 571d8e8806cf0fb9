"""``pip install greenroom`` brings the whole product, not only its Python files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: What a page, a sample run and the client's commands need, asked of an installed copy.
PROBE = """
import django
django.setup()
from pathlib import Path
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import get_template
import greenroom_client, memoryapp
here = Path(memoryapp.__file__).parent
assert here.is_relative_to(Path({site!r})), here
assert Path(greenroom_client.__file__).is_relative_to(Path({site!r}))
for page in (here / "templates").rglob("*.html"):
    # Libraries bring pages of the same names: ours are the ones to show.
    assert get_template(str(page.relative_to(here / "templates"))).origin.name == str(page), page
assert finders.find("css/app.css") or finders.find("img/favicon.svg")
assert Path(settings.MCP_COMMANDS["helpdesk"][1]).is_file()
assert (settings.EXAMPLES_DIR / "incident" / "alert.json").is_file()
assert settings.BASE_DIR == Path.cwd()
print("whole")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def outside(site: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python over the installed copy in a folder that is no checkout."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GREENROOM_")}
    return subprocess.run(
        [sys.executable, "-P", *command],
        cwd=folder,
        env={
            **clean,
            "PYTHONPATH": str(site),
            # What the wheel brings is read by a test; what Python adds is not part of it.
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_installed_copy_is_whole(site: Path, tmp_path: Path) -> None:
    done = outside(site, tmp_path, "-c", PROBE.format(site=str(site)))
    assert (done.stdout.strip(), done.stderr) == ("whole", "")
    assert (tmp_path / ".data" / "secret-key").exists()


def test_it_installs_the_greenroom_command(site: Path) -> None:
    (entry,) = site.glob("greenroom-*.dist-info/entry_points.txt")
    assert entry.read_text().split() == [
        "[console_scripts]",
        *("greenroom", "=", "memoryapp.project.cli:main"),
    ]


def test_it_holds_nothing_of_tests_or_caches(site: Path) -> None:
    names = {path.relative_to(site).parts[0] for path in site.rglob("*")}
    assert {name for name in names if not name.endswith(".dist-info")} == {
        "greenroom_client",
        "memoryapp",
        "practice",
    }
    assert list(site.rglob("*.pyc")) == []


def locked_for_running() -> set[str]:
    """Names of the packages that ``uv.lock`` installs without any extra or group."""
    packages = {
        one["name"]: one for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    found: set[str] = set()
    left = ["greenroom"]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [needed["name"] for needed in packages[name].get("dependencies", [])]
            for extra in packages[name].get("optional-dependencies", {}).values():
                left += [needed["name"] for needed in extra] if name != "greenroom" else []
    return found - {"greenroom"}


def license_of(name: str) -> str:
    said = metadata.metadata(name)
    classified = [c for c in said.get_all("Classifier", []) if c.startswith("License")]
    return " ".join([*said.get_all("License-Expression", []), *classified])


def test_no_dependency_forbids_what_our_license_grants() -> None:
    """LGPL is fine for a library; GPL and AGPL would bind what is built on it."""
    needed = locked_for_running() & {str(one.name).lower() for one in metadata.distributions()}
    assert len(needed) > 50
    bound = [name for name in sorted(needed) if re.search(r"\bA?GPL|Affero", license_of(name))]
    assert bound == []


def test_every_locked_file_is_pinned_by_its_hash() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    files = [
        (one["name"], file)
        for one in packages
        for file in [*one.get("wheels", []), *([one["sdist"]] if "sdist" in one else [])]
    ]
    assert len(files) > 500
    assert [name for name, file in files if not file["hash"].startswith("sha256:")] == []

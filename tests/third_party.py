"""Install the MCP programs nobody here wrote, each in an environment of its own.

``python -m tests.third_party`` puts them under ``.tools/`` next to the tests and is quick when they
are there already. ``mcp-server-git`` comes from PyPI, ``@modelcontextprotocol/server-filesystem``
and the MCP Inspector from npm; these need Node, at test time only.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent / ".tools"
GIT_SERVER = "mcp-server-git==2026.10.19"
FILESYSTEM_SERVER = "@modelcontextprotocol/server-filesystem@2026.8.31"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
INSTALL_SECONDS = 300
SYSTEM_STORES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


class NotInstalled(RuntimeError):
    """A third-party server is missing; the message says how to get it."""


def git_server() -> tuple[str, ...]:
    """The argv prefix that starts ``mcp-server-git``."""
    python = _git_python()
    if not _is_stamped(_git_home(), GIT_SERVER):
        raise NotInstalled(f"{GIT_SERVER} is not installed. Run: python -m tests.third_party")
    return (str(python), "-m", "mcp_server_git")


def filesystem_server() -> tuple[str, ...]:
    """The argv prefix that starts the npm filesystem server."""
    node = shutil.which("node")
    if node is None:
        raise NotInstalled(
            "Node is not on this machine, and the filesystem server from npm needs it. "
            "Install nodejs and npm, then run: python -m tests.third_party"
        )
    if not _is_stamped(_npm_home(), FILESYSTEM_SERVER):
        raise NotInstalled(f"{FILESYSTEM_SERVER} is missing. Run: python -m tests.third_party")
    package = _npm_home() / "node_modules/@modelcontextprotocol/server-filesystem"
    return (node, str(package / "dist/index.js"))


def inspector() -> tuple[str, ...]:
    """The argv prefix of the official Inspector as a command."""
    node = shutil.which("node")
    if node is None:
        raise NotInstalled("Node is not on this machine, and the MCP Inspector needs it.")
    if not _is_stamped(_inspector_home(), INSPECTOR):
        raise NotInstalled(f"{INSPECTOR} is missing. Run: python -m tests.third_party")
    package = _inspector_home() / "node_modules/@modelcontextprotocol/inspector"
    return (node, str(package / "clients/launcher/build/index.js"), "--cli")


def install_git_server() -> str:
    """Install ``mcp-server-git`` into a virtual environment; return one line of what was done."""
    home = _git_home()
    if _is_stamped(home, GIT_SERVER):
        return f"{GIT_SERVER}: already there."
    uv = _uv()
    python = str(_git_python())
    if uv is not None:
        _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home))
        _run(uv, "pip", "install", "--quiet", "--python", python, GIT_SERVER)
    else:
        venv.create(home, with_pip=True, clear=True)
        _run(python, "-m", "pip", "install", "--quiet", GIT_SERVER)
    _stamp(home, GIT_SERVER)
    return f"{GIT_SERVER}: installed."


def install_filesystem_server() -> str:
    return _install_from_npm(_npm_home(), FILESYSTEM_SERVER)


def install_inspector() -> str:
    return _install_from_npm(_inspector_home(), INSPECTOR)


def _install_from_npm(home: Path, package: str) -> str:
    """Install a package with npm, without running any package's scripts."""
    if _is_stamped(home, package):
        return f"{package}: already there."
    npm = shutil.which("npm")
    if npm is None:
        return f"{package}: npm is not on this machine, so it was not installed."
    home.mkdir(parents=True, exist_ok=True)
    _run(
        npm,
        "install",
        "--prefix",
        str(home),
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        package,
    )
    _stamp(home, package)
    return f"{package}: installed."


def main() -> int:
    """Install them; return 1 if one failed."""
    failed = 0
    for install in (install_git_server, install_filesystem_server, install_inspector):
        try:
            line = install()
        except (OSError, subprocess.SubprocessError) as error:
            failed = 1
            line = f"{install.__name__} failed: {getattr(error, 'stderr', '') or error}"
        sys.stdout.write(f"third-party servers: {line.strip()}\n")
    return failed


def _git_home() -> Path:
    return TOOLS / "mcp-server-git"


def _git_python() -> Path:
    return _git_home() / "bin" / "python"


def _npm_home() -> Path:
    return TOOLS / "npm"


def _inspector_home() -> Path:
    return TOOLS / "mcp-inspector"


def _uv() -> str | None:
    """A uv that works: next to this Python, the Makefile's own, or the machine's."""
    candidates = (
        str(Path(sys.executable).with_name("uv")),
        str(TOOLS / "uv" / "bin" / "uv"),
        shutil.which("uv") or "",
    )
    return next((command for command in candidates if command and _works(command)), None)


def _works(command: str) -> bool:
    try:
        return (
            subprocess.run([command, "--version"], capture_output=True, timeout=20).returncode == 0
        )
    except OSError:
        return False


def _run(*command: str) -> None:
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        env=_trusting(os.environ),
    )


def _trusting(environment: Mapping[str, str]) -> dict[str, str]:
    """Have Node trust what this machine trusts: a company's own authority is in no other store."""
    stores = (ssl.get_default_verify_paths().cafile, *SYSTEM_STORES)
    store = next((path for path in stores if path and Path(path).exists()), None)
    return ({"NODE_EXTRA_CA_CERTS": store} if store else {}) | dict(environment)


def _is_stamped(home: Path, version: str) -> bool:
    stamp = home / "installed.txt"
    return stamp.exists() and stamp.read_text("utf-8").strip() == version


def _stamp(home: Path, version: str) -> None:
    """Written last, so that a broken installation is done again."""
    (home / "installed.txt").write_text(version + "\n", "utf-8")


if __name__ == "__main__":
    raise SystemExit(main())

"""The commands that bring data in and out: of single playbooks, or of all that there is."""

from __future__ import annotations

import argparse
import base64
import io
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from greenroom_client import terminal
from greenroom_client.client import Greenroom
from greenroom_client.errors import Refused, Withdrawn
from greenroom_client.pulls import ARCHIVE

SUFFIXES = {"json": "json", "preping": "json", "ace": "txt", ARCHIVE: "zip"}
ZIP = b"PK\x03\x04"


def add(commands: terminal.Commands) -> None:
    export = terminal.parser(commands, "export", "write released playbooks, or all of a workspace")
    export.add_argument(
        "--output", type=Path, required=True, help="a folder for playbooks, else a file"
    )
    export.add_argument("--label", default="production", help="of playbooks")
    export.add_argument("--format", default="json", help="of playbooks; json keeps ids and counts")
    export.add_argument("--environment", default="", help="of trajectories; default: all")
    what = export.add_mutually_exclusive_group()
    what.add_argument("--workspace", action="store_true", help="everything, into one zip")
    what.add_argument(
        "--fine-tuning", choices=("sft", "dpo"), help="approved trajectories as OpenAI's JSONL"
    )
    export.add_argument(
        "--number", type=int, help="download a workspace export that has already been written"
    )
    export.set_defaults(run=_export)
    listed = terminal.parser(commands, "exports", "list exports of the workspace, or end one")
    listed.add_argument("--remove", type=int, metavar="NUMBER", help="stop it, or remove its file")
    listed.set_defaults(run=_exports)
    into = terminal.parser(commands, "import", "add the bullets of a file, or a whole workspace")
    into.add_argument("file", type=Path, help="a file, or the folder of a skill")
    target = into.add_mutually_exclusive_group(required=True)
    target.add_argument("--playbook", help="its slug")
    target.add_argument(
        "--workspace", action="store_true", help="make a workspace of a zip that export wrote"
    )
    into.add_argument("--slug", default="", help="give the workspace another slug than in the file")
    into.add_argument(
        "--format",
        default="",
        help="json, ace, preping, skill; default: skill for a folder, a zip or Markdown, else json",
    )
    into.add_argument("--dry-run", action="store_true", help="only say what would happen")
    into.add_argument(
        "--on-conflict",
        choices=("skip", "overwrite", "new"),
        default="skip",
        help="what to do with a bullet whose label already has another text",
    )
    into.set_defaults(run=_import)


def _export(asked: argparse.Namespace) -> int:
    client = terminal.client(asked, cache=None, timeout=300.0)
    if asked.workspace or asked.fine_tuning:
        return _download(client, asked)
    playbooks = [row for row in client.pages("playbooks") if asked.label in row["labels"]]
    try:
        asked.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{asked.output} cannot be made: {error.strerror}.") from error
    suffix, gone = SUFFIXES.get(asked.format, "md"), 0
    for number, row in enumerate(playbooks):
        terminal.bar(number, len(playbooks), row["slug"])
        try:
            terminal.write(asked.output / f"{row['slug']}.{suffix}", _released(client, row, asked))
        except Withdrawn as withdrawn:  # the others are there all the same
            terminal.bar_end()
            sys.stderr.write(f"{row['slug']}: {withdrawn}\n")
            gone += 1
    terminal.bar_end()
    sys.stdout.write(f"{asked.output}: {len(playbooks) - gone} playbooks at {asked.label}\n")
    if not playbooks:
        sys.stderr.write(f"No playbook this key may pull has the label {asked.label}.\n")
    return 1 if gone or not playbooks else 0


def _released(client: Greenroom, row: Mapping[str, Any], asked: argparse.Namespace) -> str | bytes:
    """A playbook in the form that was asked for."""
    if asked.format == ARCHIVE:
        return client.archive(row["slug"], label=asked.label)
    return client.pull(row["slug"], label=asked.label, form=asked.format).text


def _exports(asked: argparse.Namespace) -> int:
    client = terminal.client(asked)
    if asked.remove is not None:
        client.export_remove(asked.remove)
        return 0
    for row in client.pages("workspace/exports"):
        size = f" {row['size']:,} bytes" if row["file"] else ""
        said = f" {row['message']}" if row["message"] else ""
        sys.stdout.write(f"{row['id']} {row['created_at']} {row['status']}{size}{said}\n")
    return 0


def _written(client: Greenroom, number: int | None) -> int:
    """The number of an export that has been written; waits for its end.

    Raises:
        Refused: there will be no file.
    """
    number = number or int(client.export_start()["id"])
    found: Mapping[str, Any] = {}
    for found in client.export_watch(number):
        at = found["progress"]
        terminal.bar(at["done"], at["total"], f"export {number} {found['status']}")
    terminal.bar_end()
    if found["status"] != "done":
        said = found["message"] or "Its file no longer exists."
        raise Refused(f"Export {number} {found['status']}. {said} Export the workspace again.")
    return number


def _download(client: Greenroom, asked: argparse.Namespace) -> int:
    number = _written(client, asked.number) if asked.workspace else 0
    # What stops half-way is no export: the file gets its name when it is whole.
    part = asked.output.with_name(f"{asked.output.name}.part")
    try:
        with part.open("w+b") as file:
            if asked.workspace:
                client.export_fetch(number, file)
            else:
                client.fine_tuning(asked.fine_tuning, file, environment=asked.environment)
            size = file.tell()
        part.replace(asked.output)
    except OSError as error:
        raise Refused(f"{asked.output} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    sys.stdout.write(f"{asked.output}: {size:,} bytes\n")
    return 0


def _import(asked: argparse.Namespace) -> int:
    if asked.workspace:
        with terminal.opened(asked.file) as file:
            client = terminal.client(asked, timeout=3600.0)
            made = client.import_workspace(file, asked.file.stat().st_size, slug=asked.slug)
        sys.stdout.write(f"The workspace {made['name']} ({made['slug']}) is imported.\n")
        sys.stderr.write("Enter the secrets of its environments again, and make new API keys.\n")
        return 0
    content, is_zip = _content(asked.file)
    is_skill = is_zip or asked.file.suffix.lower() == ".md"
    said = terminal.client(asked, timeout=300.0).import_playbook(
        asked.playbook,
        content,
        form=asked.format or ("skill" if is_skill else "json"),
        on_conflict=asked.on_conflict,
        dry_run=asked.dry_run,
    )
    for row in said["rows"]:
        sys.stderr.write(f"{row['place']}: {row['verdict']} {row['message']}\n")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in said["counts"].items())
    sys.stdout.write(f"{'Would be: ' if said['dry_run'] else ''}{counts or 'nothing'}\n")
    return 1 if said["counts"].get("refused") else 0


def _content(path: Path) -> tuple[str, bool]:
    """The text of a file, or a zip or a folder as one in base64; and whether it is a zip."""
    if path.is_dir():
        packed = io.BytesIO()
        # Images and caches date their files before 1980, which a zip cannot say.
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            for each in sorted(file for file in path.rglob("*") if file.is_file()):
                archive.write(each, str(Path(path.resolve().name) / each.relative_to(path)))
        read = packed.getvalue()
    else:
        with terminal.opened(path) as file:
            read = file.read()
    if read.startswith(ZIP):
        return base64.b64encode(read).decode(), True
    try:
        return read.decode("utf-8"), False
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 text.") from error

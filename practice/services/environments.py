"""Connecting tool environments, changing how they are reached, and having them checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from memoryapp.domain.addresses import origin
from memoryapp.domain.errors import UnableToConnect
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from memoryapp.services.names import check_name
from memoryapp.services.sealing import Renewed, renew
from memoryapp.services.seen import check_seen
from practice.domain import arguments as arguments_domain
from practice.domain import variables
from practice.domain.rounds import Stage
from practice.models import Environment, Run, Unit
from practice.models.environments import PURPOSE, SecretsUnreadable, called_at
from practice.orchestrator import worlds
from practice.services.reaching import OpenApiAsked, PackAsked, check_url
from practice.tasks import check_environment, check_reset

SLOT_LIMIT = 64
SLOTS = 4
ONE_AT_A_TIME = (
    "Attempts in an environment with a reset hook run one at a time: a reset would undo the work "
    "of another attempt."
)


def commands() -> list[str]:
    """Names of the commands the operator's settings allow."""
    return sorted(settings.MCP_COMMANDS)


def seeds() -> list[str]:
    """Names of the seed folders that may be copied for an attempt."""
    folder = Path(settings.SEED_DIR)
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir())


def packs() -> list[dict[str, Any]]:
    """The packs this version knows: ``name``, ``title``, ``description``, and what is missing."""
    return [
        {
            "name": pack.name,
            "title": pack.title,
            "description": pack.description,
            "missing": "" if pack.is_installed else pack.how_to_install,
        }
        for pack in worlds.packs()
    ]


def environment_connect(
    *,
    workspace: Workspace,
    name: str,
    transport: str,
    by: Any,
    command: str = "",
    arguments: Sequence[str] = (),
    url: str = "",
    secrets: Mapping[str, str] | None = None,
    seed: str = "",
    openapi: OpenApiAsked | None = None,
    pack: PackAsked | None = None,
    slots: int | None = None,
    is_sample: bool = False,
) -> Environment:
    """Store an environment and have a worker list its tools.

    ``secrets`` are environment variables (stdio) or headers (HTTP), stored encrypted; ``url`` is
    the address of a server (HTTP) or of a document (OpenAPI). ``slots`` sessions may be open at
    once; where a reset hook would undo the work of others it is one.

    Raises:
        UnableToConnect: a command, seed or pack this machine does not know, a secret among the
            arguments, an unusable address, document, credential, variable or number of slots, or a
            name that is taken.
    """
    slug = slugify(name)[:64]
    if not slug:
        raise UnableToConnect(
            "An environment needs a name with letters or digits in it.", field="name"
        )
    check_name(name, UnableToConnect)
    match transport:
        case Environment.Transport.STDIO:
            way = _by_command(command, arguments, seed, secrets or {})
        case Environment.Transport.HTTP:
            check_url(url)
            way = _Way(url=url, secrets=secrets or {})
        case Environment.Transport.OPENAPI:
            asked = openapi or OpenApiAsked()
            way = _Way(url=url, options=asked.options(url), secrets=asked.secrets())
        case Environment.Transport.PACK:
            way = _Way(options=(pack or PackAsked("")).options())
        case _:
            known = ", ".join(Environment.Transport.values)
            raise UnableToConnect(f"The transport must be one of: {known}.")
    with transaction.atomic():
        if Environment.objects.filter(workspace=workspace, slug=slug).exists():
            raise UnableToConnect(f"There is already an environment named {name}.", field="name")
        environment = Environment(
            workspace=workspace,
            name=name.strip()[:100],
            slug=slug,
            transport=transport,
            is_sample=is_sample,
        )
        way.write(environment)
        if slots is not None:
            _check_slots(environment, slots)
            environment.slots = slots
        environment.save()
        event_record(
            workspace=workspace,
            actor=by,
            kind="environment.connected",
            subject=environment,
            before={},
            # Neither secrets nor addresses with what stands in them.
            after={"transport": transport, "seed": seed, "slots": environment.slots},
        )
        check_environment.delay_on_commit(environment.pk)
    return environment


@dataclass(frozen=True, slots=True)
class _Way:
    """By what an environment is reached; what its transport has no use for is empty."""

    command: str = ""
    arguments: Sequence[str] = ()
    url: str = ""
    seed: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def write(self, environment: Environment) -> None:
        environment.command, environment.arguments = self.command, list(self.arguments)
        environment.url, environment.seed = self.url, self.seed
        environment.options = dict(self.options)
        environment.keep_secrets(self.secrets)
        environment.slots = 1 if environment.is_one_at_a_time else SLOTS


def _by_command(
    command: str, arguments: Sequence[str], seed: str, secrets: Mapping[str, str]
) -> _Way:
    _check_stdio(command, seed)
    _check_variables(secrets)
    words = [str(argument) for argument in arguments]
    if said := arguments_domain.problem(words):
        raise UnableToConnect(said, field="arguments")
    return _Way(command=command, arguments=words, seed=seed, secrets=secrets)


def environment_reach(
    *,
    environment: Environment,
    by: Any,
    secrets: Mapping[str, str] | None = None,
    openapi: OpenApiAsked | None = None,
    seen: str | None = None,
) -> Environment:
    """Change what an environment is reached with, and have a worker list its tools anew.

    ``secrets`` stand for all variables (stdio) or headers (HTTP). Of ``openapi`` the address of the
    service, the credential and the reset count. An address left empty stays; a credential left
    empty is the stored one, where it is sent as before and to the same host.
    ``seen`` is the digest of ``reached_by`` that was read.

    Raises:
        ChangedMeanwhile: it was changed since.
        UnableToConnect: an address that cannot be called, a credential or reset that cannot be
            sent, a variable that cannot be set, or a pack, which has none of them.
    """
    if environment.transport == Environment.Transport.PACK:
        raise UnableToConnect("A pack is a copy in memory: it has no credential and no reset.")
    with transaction.atomic():
        # A worker that checks it writes into the same options.
        held = Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)
        was, slots = reached_by(held), slots_of(held)
        if held.transport == Environment.Transport.OPENAPI:
            try:
                secrets = _access(held, openapi or OpenApiAsked())
            except UnableToConnect:
                check_seen(seen, was, {})  # what was typed may rest on what is gone
                raise
        if held.transport == Environment.Transport.STDIO:
            _check_variables(secrets)
        if (secrets or {}) != _stored(held):
            held.keep_secrets(secrets or {})
        check_seen(seen, was, reached_by(held))
        held.await_check()
        if held.is_one_at_a_time:
            held.slots = 1
        kept = ["secrets", "secret_names", "secrets_mark", "options", "slots"]
        held.save(update_fields=[*kept, "status", "check_asked_at"])
        event_record(
            workspace=held.workspace,
            actor=by,
            kind="environment.reached_anew",
            subject=held,
            # What is stored encrypted is in no log; that it may have changed is.
            before=was | slots,
            after=reached_by(held) | slots_of(held),
        )
        check_environment.delay_on_commit(held.pk)
    return held


def _access(environment: Environment, asked: OpenApiAsked) -> dict[str, str]:
    """Write what was asked into the options. Returns the secrets to keep."""
    sent_as = {"scheme": asked.scheme, "name": asked.parameter}
    moved = _move(environment, asked)
    if asked.scheme and not asked.credential and environment.options.get("auth") == sent_as:
        if moved:
            raise UnableToConnect(
                "Calls would go to another host. The stored credential was given for the one "
                "before: enter one for this host.",
                field="credential",
            )
        try:
            stored = environment.open_secrets()
        except SecretsUnreadable as error:
            raise UnableToConnect(f"{error} Enter the credential again.") from error
        asked = replace(asked, credential=stored.get(worlds.CREDENTIAL, ""))
    access = asked.access()
    kept = {k: v for k, v in environment.options.items() if k not in {"auth", "reset"}}
    if access.get("reset") != environment.options.get("reset"):
        kept.pop("reset_check", None)
    environment.options = kept | access
    return asked.secrets()


def _move(environment: Environment, asked: OpenApiAsked) -> bool:
    """Have calls go where it is asked for. Returns whether that is another host."""
    was = called_at(environment.options)
    if asked.base_url in {"", was, environment.calls_go_to}:
        return False
    check_url(asked.base_url, field="base_url")
    kept = {k: v for k, v in environment.options.items() if k != "found_base_url"}
    environment.options = kept | {"base_url": asked.base_url}
    return origin(asked.base_url) != origin(was)


def _stored(environment: Environment) -> Mapping[str, str] | None:
    """The secrets as they are stored; ``None`` where their key is lost."""
    try:
        return environment.open_secrets()
    except SecretsUnreadable:
        return None


def reached_by(environment: Environment) -> dict[str, Any]:
    """How it is reached, as the log keeps it; ``domain.seen.shown`` of it is ``seen``.

    Names, never the values behind them: for those a random mark, which changes when they do.
    """
    auth = environment.options.get("auth", {})
    return {
        "secrets": list(environment.secret_names),
        "calls go to": environment.calls_go_to,
        "credential": " ".join(filter(None, (auth.get("scheme"), auth.get("name")))),
        "reset": environment.reset_line,
        "stored as": environment.secrets_mark,
    }


def slots_of(environment: Environment) -> dict[str, Any]:
    """How many sessions may be open at once; ``domain.seen.shown`` of it is ``seen``."""
    return {"slots": environment.slots}


def environment_check(*, environment: Environment, by: Any) -> None:
    """List the tools again; what is stored stays until the answer is in."""
    with transaction.atomic():
        _checking(environment, by, "environment.checked")
        check_environment.delay_on_commit(environment.pk)


def environment_resize(
    *, environment: Environment, slots: int, by: Any, seen: str | None = None
) -> Environment:
    """Let this many sessions be open at once, over all runs. Sessions that are open stay open.

    ``seen`` is the digest of ``slots_of`` that was read.

    Raises:
        ChangedMeanwhile: there are others by now.
        UnableToConnect: a number out of range, or above one where a reset would undo other work.
    """
    with transaction.atomic():
        held = Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)
        was = slots_of(held)
        check_seen(seen, was, {"slots": slots})
        _check_slots(held, slots)
        held.slots = slots
        held.save(update_fields=["slots"])
        event_record(
            workspace=held.workspace,
            actor=by,
            kind="environment.resized",
            subject=held,
            before=was,
            after=slots_of(held),
        )
    return held


def environment_check_reset(*, environment: Environment, by: Any) -> None:
    """Have a worker open two fresh sessions and compare what the same readings show.

    Raises:
        UnableToConnect: it is not connected, or attempts are under way that a reset would undo.
    """
    if environment.status != Environment.Status.CONNECTED:
        raise UnableToConnect(
            f"{environment.name} is {environment.get_status_display().lower()}. "
            "Check it until its tools are listed, then check its reset."
        )
    busy = Unit.objects.open().filter(
        run__environment=environment, run__status=Run.Status.RUNNING, stage=Stage.SOLVE
    )
    if environment.is_one_at_a_time and busy.exists():
        raise UnableToConnect(
            f"A run is practising in {environment.name}, and a reset would undo its work. "
            "Check the reset when it has ended, or pause it."
        )
    with transaction.atomic():
        _checking(environment, by, "environment.reset_checked")
        check_reset.delay_on_commit(environment.pk)


def _checking(environment: Environment, by: Any, kind: str) -> None:
    was = environment.status
    environment.await_check()
    environment.save(update_fields=["status", "check_asked_at"])
    event_record(
        workspace=environment.workspace,
        actor=by,
        kind=kind,
        subject=environment,
        before={"status": was},
        after={"status": environment.status},
    )


def _check_stdio(command: str, seed: str) -> None:
    if command not in settings.MCP_COMMANDS:
        known = ", ".join(commands())
        raise UnableToConnect(
            f"{command or 'No command'} is not an allowed command. Allowed are: {known}. "
            "The operator of this machine adds more in MCP_COMMANDS.",
            field="command",
        )
    if seed and seed not in seeds():
        raise UnableToConnect(f"There is no seed folder {seed!r} in SEED_DIR.", field="seed")


def _check_variables(secrets: Mapping[str, str] | None) -> None:
    if said := variables.problem(secrets or ()):
        raise UnableToConnect(said, field="secrets")


def _check_slots(environment: Environment, slots: int) -> None:
    if not 1 <= slots <= SLOT_LIMIT:
        raise UnableToConnect(f"Slots must be a number from 1 to {SLOT_LIMIT}.")
    if slots > 1 and environment.is_one_at_a_time:
        raise UnableToConnect(ONE_AT_A_TIME)


def secrets_renew() -> Renewed:
    """Seal the secrets of every environment under the first of the keys."""

    def write(environment: Environment, changed: Mapping[str, str]) -> None:
        environment.secrets = changed["secrets"].encode()
        environment.save(update_fields=["secrets"])

    return renew(
        Environment.objects.all(),
        kind="environments",
        purpose=PURPOSE,
        read=lambda environment: {"secrets": bytes(environment.secrets).decode()},
        write=write,
    )

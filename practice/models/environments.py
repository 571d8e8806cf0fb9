"""Tool environments, the tools they offer, and what is known of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from memoryapp.domain.masking import redact
from memoryapp.domain.sealing import Seal, Unreadable
from memoryapp.domain.text import looks_like_instruction
from practice.domain.remarks import Place
from practice.domain.types import Effect, Fact, ToolSpec


class SecretsUnreadable(ValueError):
    """The stored secrets were written under a key that is not configured any more."""


PURPOSE = "environment"
#: hex digits that tell two things apart of which no page shows the whole.
MARK_HEX = 8


def called_at(options: Mapping[str, Any]) -> str:
    """Where the calls of a service go: as a person entered it, else as its document says.

    Empty where no check has found it yet.
    """
    return str(options.get("base_url") or options.get("found_base_url") or "")


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    def listed(self) -> EnvironmentQuerySet:
        """Those whose tools were listed at least once, so that a tool may be missing from them."""
        tools = EnvironmentTool.objects.filter(environment=models.OuterRef("pk"))
        return self.filter(models.Q(status=Environment.Status.CONNECTED) | models.Exists(tools))


class Environment(models.Model):
    """A tool world to practise in, and how to reset it: an MCP server, an OpenAPI service, a pack.

    A stdio server is named by its key in ``MCP_COMMANDS``: a command line never comes from a form.
    ``secrets`` holds environment variables or HTTP headers, encrypted.
    """

    class Transport(models.TextChoices):
        STDIO = "stdio", "Local process (stdio)"
        HTTP = "http", "Streamable HTTP"
        OPENAPI = "openapi", "OpenAPI service"
        PACK = "pack", "Installed pack"

    class Status(models.TextChoices):
        CHECKING = "checking", "Checking"
        CONNECTED = "connected", "Connected"
        UNREACHABLE = "unreachable", "Unreachable"

    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.CASCADE, related_name="environments"
    )
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=64)
    transport = models.CharField(max_length=8, choices=Transport.choices)
    command = models.CharField(max_length=60, blank=True)
    arguments = models.JSONField(default=list, blank=True)
    url = models.URLField(max_length=500, blank=True)
    secrets = models.BinaryField(default=bytes, blank=True)
    secret_names = models.JSONField(default=list, blank=True)
    #: drawn anew with each other set of secrets, and by no change of the keys they are sealed with.
    secrets_mark = models.CharField(max_length=MARK_HEX, blank=True, default="", db_default="")
    seed = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=11, choices=Status.choices, default=Status.CHECKING)
    message = models.TextField(blank=True)
    server_name = models.CharField(max_length=100, blank=True)
    server_version = models.CharField(max_length=60, blank=True)
    is_sample = models.BooleanField(default=False)
    #: what one transport alone needs: an OpenAPI document and reset hook, a pack and its scenario.
    options = models.JSONField(default=dict, blank=True)
    slots = models.PositiveIntegerField(
        default=4, help_text="Sessions that may be open at once, over all runs."
    )
    #: look at the tools now and then; a changed one makes the bullets that cite it stale.
    drift_watch = models.BooleanField(default=True)
    #: when the last check ended, whatever it found.
    checked_at = models.DateTimeField(null=True, blank=True)
    #: when workers were last asked for one; null too where a release before this column asked.
    check_asked_at = models.DateTimeField(null=True, blank=True)
    #: how many checks failed one after the other, up to the last; the next waits the longer.
    failed_checks = models.PositiveSmallIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="one_environment_slug")
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("environment-detail", args=[self.slug])

    def as_place(self) -> Place:
        """What whoever sends trajectories to it should know of it."""
        offered = self.tools.filter(is_present=True).values_list("name", flat=True)
        return Place(self.name, frozenset(offered))

    @property
    def has_reset(self) -> bool:
        """Whether every attempt begins from the same state."""
        if self.transport == self.Transport.OPENAPI:
            return bool(self.options.get("reset", {}).get("path"))
        return self.transport != self.Transport.HTTP

    @property
    def shown(self) -> dict[str, str]:
        """Its addresses as people may see them; ones stored of old may hold credentials."""
        names = ("base_url", "found_base_url")
        addresses = {"url": self.url} | {name: self.options.get(name, "") for name in names}
        return {name: redact(address) for name, address in addresses.items()}

    @property
    def calls_go_to(self) -> str:
        """``called_at`` of its options, as people may see it."""
        return redact(called_at(self.options))

    @property
    def reset_line(self) -> str:
        """The request that resets a service, as people may see it; empty without one."""
        reset = self.options.get("reset", {})
        return redact(f"{reset.get('method', '')} {reset.get('path', '')}".strip())

    @property
    def keeps_changes(self) -> bool:
        """Whether it is a service that nothing puts back, so that only reading is on at first."""
        return self.transport == self.Transport.OPENAPI and not self.has_reset

    @property
    def has_own_state(self) -> bool:
        """Whether each session has a fresh state to itself, so that others never notice it."""
        return self.transport in {self.Transport.STDIO, self.Transport.PACK}

    @property
    def is_made_up(self) -> bool:
        """Whether nothing in it is real, so that no value is a secret for its name alone."""
        return self.transport == self.Transport.PACK

    @property
    def is_one_at_a_time(self) -> bool:
        """Whether a reset would undo the work of another attempt under way."""
        return self.transport == self.Transport.OPENAPI and self.has_reset

    def await_check(self) -> None:
        """Note that a check is asked for; the caller saves and rings."""
        self.status, self.check_asked_at = self.Status.CHECKING, timezone.now()

    def keep_secrets(self, values: Mapping[str, str]) -> None:
        """Encrypt variables (stdio) or headers (HTTP); only their names stay legible."""
        plain = json.dumps(dict(values)).encode()
        self.secrets = Seal(settings.SEALING_KEYS, PURPOSE).close(plain).encode()
        self.secret_names = sorted(values)
        self.secrets_mark = token_hex(MARK_HEX // 2)

    def open_secrets(self) -> dict[str, str]:
        """Raises ``SecretsUnreadable`` when the key was changed and the old one not kept."""
        if not self.secrets:
            return {}
        try:
            plain = Seal(settings.SEALING_KEYS, PURPOSE).open(bytes(self.secrets).decode())
        except Unreadable as error:
            raise SecretsUnreadable(
                f"The secrets of {self.name} cannot be read. {error}"
            ) from error
        opened: dict[str, str] = json.loads(plain)
        return opened


class EnvironmentToolQuerySet(models.QuerySet["EnvironmentTool"]):
    def usable(self) -> EnvironmentToolQuerySet:
        """Tools practice may call: offered now, readable schema, allowed by the operator."""
        return self.filter(is_present=True, is_enabled=True, problem="")


class EnvironmentTool(models.Model):
    """A tool as last described by its server. ``schema_hash`` notices silent changes."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="tools")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    input_schema = models.JSONField(default=dict)
    output_schema = models.JSONField(null=True, blank=True)
    annotations = models.JSONField(default=dict)
    schema_hash = models.CharField(max_length=64)
    problem = models.TextField(blank=True)
    is_enabled = models.BooleanField(default=False)
    is_present = models.BooleanField(default=True)
    changed_at = models.DateTimeField(auto_now_add=True)

    objects = EnvironmentToolQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "name"], name="one_tool_name")
        ]

    def __str__(self) -> str:
        return self.name

    def as_spec(self) -> ToolSpec:
        return ToolSpec(
            name=self.name,
            description=self.description,
            input_schema=self.input_schema,
            annotations=self.annotations,
            output_schema=self.output_schema,
        )

    def described(self) -> dict[str, object]:
        """What an agent relies on, as plain JSON, to be compared with later."""
        return {
            "description": self.description,
            "input_schema": self.input_schema,
            "output_schema": self.output_schema,
            "schema_hash": self.schema_hash,
        }

    @property
    def is_usable(self) -> bool:
        """The same as ``usable()`` says of rows."""
        return self.is_present and self.is_enabled and not self.problem

    @property
    def effect(self) -> Effect:
        return self.as_spec().effect


class EnvironmentFact(models.Model):
    """Something true of the environment before an agent acted (Preping §3.4)."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="facts")
    run = models.ForeignKey("practice.Run", models.CASCADE, related_name="facts")
    task = models.ForeignKey("practice.PracticeTask", models.CASCADE, related_name="facts")
    text = models.TextField()
    data = models.JSONField(default=dict)
    tools = models.JSONField(default=list)
    seen_count = models.PositiveIntegerField(default=1)
    last_seen_at = models.DateTimeField(auto_now_add=True)
    #: an operator's word that this is not so: kept, and shown to no proposer.
    is_excluded = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def orders(self) -> tuple[str, ...]:
        """Phrases of it that read like orders to a model: people see it, no proposer does."""
        return looks_like_instruction(self.text)

    def as_value(self) -> Fact:
        return Fact(text=self.text, source_task=self.task.instruction, data=self.data)


class EnvironmentSnapshot(models.Model):
    """An environment as it was: its tools and a content-addressed copy of its seed."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="snapshots")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=100, blank=True)
    #: SHA-256 (hex) over the seed's files; empty where the environment has no seed.
    seed_digest = models.CharField(max_length=64, blank=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    #: tool name to schema hash.
    tools = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "number"], name="one_snapshot_number")
        ]

    def __str__(self) -> str:
        return self.name or f"Snapshot {self.number}"

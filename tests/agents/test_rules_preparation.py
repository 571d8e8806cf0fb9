"""What is done before a call: signing in, making what is missing, and no more calls than that."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from memoryapp.domain.playbook import Playbook
from practice.agents.ports import SolverLimits
from practice.agents.rules.solver import RulesSolver
from practice.domain.types import Json, Observation, TaskSpec, ToolSpec
from tests.agents.rules_books import book, names, solve
from tests.agents.rules_shop import READ, WRITE, tool

SIGN_IN_ERROR = "No member is currently logged in."
LETTERS = (
    tool("list_members", "List the members of the club.", READ),
    tool("club_login", "Log a member in to the club.", WRITE, "member_id", member_id="Who."),
    tool("club_login_status", "Get the login status of the club.", READ),
    tool("post_letter", "Post a letter to the club.", WRITE, "text", text="What to say."),
)
FOLDERS = (
    tool("find", "Find files or directories by name.", READ, pattern="The name of the file."),
    tool(
        "cd",
        "Change the current working directory to the folder.",
        WRITE,
        "folder",
        folder="The folder of the directory.",
    ),
    tool("mkdir", "Create a new directory.", WRITE, "dir_name", dir_name="Name of the new one."),
    tool("touch", "Create a new file.", WRITE, "file_name", file_name="Name of the new file."),
    tool("cat", "Display a file.", READ, "file_name", file_name="The name of the file."),
)
NOTES = (
    tool("list_notes", "List all notes.", READ),
    tool("create_note", "Create a note.", WRITE, "text", text="What it says."),
    tool("pin_note", "Pin a note.", WRITE, "note_id", note_id="The note ID."),
)


@dataclass
class Club:
    """Letters are posted by whoever is logged in."""

    signed_in: bool = False
    specs: tuple[ToolSpec, ...] = LETTERS

    def tools(self) -> tuple[ToolSpec, ...]:
        return self.specs

    def call(self, tool: str, arguments: Json) -> Observation:
        if tool == "list_members":
            return Observation(json.dumps({"members": [{"member_id": "M-1"}]}))
        if tool == "club_login_status":
            return Observation(json.dumps({"login_status": self.signed_in}))
        if tool == "club_login":
            self.signed_in = True
        elif not self.signed_in:
            return Observation(SIGN_IN_ERROR, is_error=True)
        return Observation(json.dumps({"done": True}))


@dataclass
class Disk:
    """One empty folder that keeps names."""

    names: list[str] = field(default_factory=list)

    def tools(self) -> tuple[ToolSpec, ...]:
        return FOLDERS

    def call(self, tool: str, arguments: Json) -> Observation:
        (name,) = arguments.values()
        if tool == "find":
            return Observation(json.dumps({"matches": [f"./{n}" for n in self.names if n == name]}))
        if tool in ("mkdir", "touch"):
            self.names.append(str(name))
        elif name not in self.names:
            return Observation(f"{tool}: '{name}': No such file or directory", is_error=True)
        return Observation(json.dumps({"result": str(name)}))


@dataclass
class Board:
    """Notes are numbered as they are made."""

    notes: list[str] = field(default_factory=list)

    def tools(self) -> tuple[ToolSpec, ...]:
        return NOTES

    def call(self, tool: str, arguments: Json) -> Observation:
        if tool == "create_note":
            self.notes.append(f"N-{len(self.notes) + 1}")
            return Observation(json.dumps({"note_id": self.notes[-1]}))
        if tool == "pin_note" and arguments["note_id"] not in self.notes:
            return Observation(f"Note {arguments['note_id']} not found.", is_error=True)
        return Observation(json.dumps({"notes": [{"note_id": n} for n in self.notes]}))


SIGN_IN_FIRST = {
    "kind": "prerequisite",
    "key": "prerequisite:club_login:",
    "tools": ["post_letter"],
    "needs": "club_login",
    "settings": {},
}
MADE = {
    "folder": {
        "kind": "made",
        "key": "made:mkdir:dir_name",
        "field": "",
        "producer": "mkdir",
        "consumers": [["cd", "folder"], ["cat", "file_name"]],
    },
    "file": {
        "kind": "made",
        "key": "made:touch:file_name",
        "field": "",
        "producer": "touch",
        "consumers": [["cd", "folder"], ["cat", "file_name"]],
    },
    "note": {
        "kind": "made",
        "key": "made:create_note:note_id",
        "field": "note_id",
        "producer": "create_note",
        "consumers": [["pin_note", "note_id"]],
    },
}


def test_it_asks_who_is_signed_in_before_it_looks_up_whom_to_sign_in_as() -> None:
    steps = solve(Club(signed_in=True), book(SIGN_IN_FIRST), "post_letter", text="Hello")
    assert names(steps) == ["club_login_status", "post_letter"]
    steps = solve(Club(), book(SIGN_IN_FIRST), "post_letter", text="Hello")
    assert names(steps) == ["club_login_status", "list_members", "club_login", "post_letter"]


def test_it_does_not_ask_another_service_who_is_signed_in() -> None:
    other = tool("bank_session_status", "Tell whether a teller uses this bank terminal.", READ)
    specs = tuple(other if t.name == "club_login_status" else t for t in LETTERS)
    steps = solve(Club(specs=specs), book(SIGN_IN_FIRST), "post_letter", text="Hello")
    assert names(steps) == ["list_members", "club_login", "post_letter"]


def test_it_signs_in_at_once_where_that_takes_no_look_up() -> None:
    account = {"type": "string", "description": "Who.", "examples": ["M-7"]}
    offered = tool(
        "club_login", "Log a member in to the club.", WRITE, "member_id", member_id=account
    )
    club = Club(specs=tuple(offered if t.name == "club_login" else t for t in LETTERS))
    steps = solve(club, book(SIGN_IN_FIRST), "post_letter", text="Hello")
    assert names(steps) == ["club_login", "post_letter"]
    assert steps[0].arguments == {"member_id": "M-7"}


def test_it_makes_a_folder_or_a_file_as_the_name_says_under_that_name() -> None:
    both = book(MADE["folder"], MADE["file"])
    steps = solve(Disk(), both, "cd", folder="plans")
    assert names(steps) == ["find", "mkdir", "cd"]
    assert steps[1].arguments == {"dir_name": "plans"}
    steps = solve(Disk(), both, "cat", file_name="plan.txt")
    assert names(steps) == ["find", "touch", "cat"]
    assert steps[1].arguments == {"file_name": "plan.txt"}


def test_it_makes_a_second_thing_only_where_the_next_one_would_be_the_wanted_one() -> None:
    steps = solve(Board(), book(MADE["note"]), "pin_note", note_id="N-2")
    assert names(steps).count("create_note") == 2
    assert not steps[-1].is_error
    steps = solve(Board(), book(MADE["note"]), "pin_note", note_id="N-9")
    assert names(steps).count("create_note") == 1


def test_it_signs_in_as_the_account_it_is_offered_and_not_as_somebody_it_saw() -> None:
    login = tool(
        "site_login",
        "Log in to the site.",
        WRITE,
        "username",
        "password",
        username={"type": "string", "examples": ["robin"]},
        password={"type": "string", "examples": ["rehearsal-only"]},
    )
    read = tool("list_posts", "List all posts with the username of their author.", READ)

    class Site:
        def tools(self) -> tuple[ToolSpec, ...]:
            return (read, login)

        def call(self, tool: str, arguments: Json) -> Observation:
            return Observation(json.dumps({"posts": [{"username": "mallory"}]}))

    calls = [{"tool": "list_posts", "arguments": {}}, {"tool": "site_login", "arguments": {}}]
    given = TaskSpec("List all posts, then log in.", "action", goal={"calls": calls})
    steps = RulesSolver(1).solve(given, Playbook(), Site(), SolverLimits()).steps
    assert steps[-1].arguments == {"username": "robin", "password": "rehearsal-only"}


def test_it_reads_no_details_that_cannot_hold_what_it_needs() -> None:
    details = tool("get_order_note", "Get the note of an order.", READ, "order_id", order_id="It.")
    details = replace(
        details, output_schema={"type": "object", "properties": {"note": {"type": "string"}}}
    )
    ship = tool(
        "ship_order",
        "Ship an order to a place.",
        WRITE,
        "order_id",
        "carrier_class",
        order_id="It.",
        carrier_class="The class.",
    )

    class Dock:
        def tools(self) -> tuple[ToolSpec, ...]:
            return (details, ship)

        def call(self, tool: str, arguments: Json) -> Observation:
            return Observation(json.dumps({"done": True}))

    assert names(solve(Dock(), Playbook(), "ship_order", order_id="ORD-1")) == ["ship_order"]

"""What the kinds of rows in the audit log are called, and which are about accounts. Pure."""

from __future__ import annotations

#: Beginnings of kinds that are about somebody's account: which ways in it has, who tried them and
#: from where. An account is in no workspace, so colleagues have no business with these.
ABOUT_ACCOUNTS = ("account.", "sign_in.")
#: kinds whose own words would not say what happened.
IN_WORDS = {
    "account.address_added": "Mail address added",
    "account.address_changed": "Mail address changed",
    "account.address_proved": "Mail address proved",
    "account.address_removed": "Mail address removed",
    "account.password_changed": "Password changed",
    "account.password_ended": "Password ended",
    "account.password_reset": "Password reset by a mailed link",
    "account.recovery_codes_renewed": "Recovery codes renewed",
    "account.second_factor_added": "Second factor added",
    "account.second_factor_removed": "Second factor removed",
    "account.service_connected": "Sign-in service connected",
    "account.service_disconnected": "Sign-in service disconnected",
    "bullet.confirmed": "Bullet still holds",
    "bullet.stale": "Bullet went stale",
    "environment.reached_anew": "Access to an environment changed",
    "environment.unwatched": "Drift watch turned off",
    "environment.watched": "Drift watch turned on",
    "playbook.gated": "Publish gate turned on",
    "playbook.ungated": "Publish gate turned off",
    "run.restored": "Run brought back",
    "tool.drifted": "Tool changed",
    "trajectories.judged_again": "Trajectories to be judged again",
    "trajectories.sent": "Trajectories received",
    "use.unusual": "Unusual use",
}


def in_words(kind: str) -> str:
    """Return a kind in words: ``label.moved`` reads ``Label moved``."""
    return IN_WORDS.get(kind) or kind.replace(".", " ").replace("_", " ").capitalize()


def kinds_that_say(word: str) -> list[str]:
    """Kinds with words of their own that hold ``word``; the others are found by their name."""
    return [kind for kind, words in IN_WORDS.items() if word.casefold() in words.casefold()]


def is_about_account(kind: str) -> bool:
    return kind.startswith(ABOUT_ACCOUNTS)

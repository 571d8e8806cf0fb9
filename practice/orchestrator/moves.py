"""A service that is to be called somewhere else than where its operator saw.

A credential goes along with each call: to the host that was shown to whoever gave it. Neither a
document nor an older snapshot can send it to another one. Only a person can, who then enters the
credential once more.
"""

from __future__ import annotations

from memoryapp.domain.addresses import origin
from memoryapp.domain.masking import redact
from practice.models import Environment, EnvironmentSnapshot
from practice.models.environments import called_at


def found(environment: Environment, address: str) -> str:
    """Say why calls may not go to ``address``, which its document names now; empty if they may.

    Before the first check nobody has seen where calls go: a credential was given to the host that
    serves the document then.
    """
    was = called_at(environment.options)
    if not was and environment.secret_names:
        was = environment.url
    if not was or not address or origin(was) == origin(address):
        return ""
    return (
        f"Its document sends calls to {redact(address)}, which is another host than "
        f"{redact(was)}. Nothing was sent there. If that is right, enter the new address under "
        "Address, credential and reset, and the credential once more."
    )


def since(environment: Environment, snapshot: EnvironmentSnapshot) -> str:
    """Say why a run may not begin from a snapshot of another host; empty if it may."""
    then, now = called_at(snapshot.options), called_at(environment.options)
    if not environment.secret_names or origin(then) == origin(now):
        return ""
    return (
        f"{snapshot} was taken when calls went to another host ({redact(then) or 'none is kept'}), "
        "and the stored credential is not for that one. Take a new snapshot."
    )

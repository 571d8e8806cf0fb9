"""What allauth asks of Greenroom: who may make an account, and how second factors are kept.

And what Greenroom asks of it: who signed in, and who failed to.
"""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.signals import user_logged_in
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.signals import authentication_failed
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.dispatch import receiver
from django.http import HttpRequest

from memoryapp.access import INVITATION_KEY, session_end
from memoryapp.domain.sealing import Seal
from memoryapp.services.invitations import invitation_of
from memoryapp.services.sealing import SECOND_FACTOR
from memoryapp.services.sign_ins import sign_in_record, unknown_sign_in_record

logger = logging.getLogger(__name__)

#: What allauth calls what somebody proved, in our words.
MEANS = {"mfa": "second factor", "socialaccount": "identity provider"}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Only for who holds an invitation that is still open."""
        return invitation_of(request.session.get(INVITATION_KEY, "")) is not None

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        login = credentials.get("username") or credentials.get("email") or ""
        unknown_sign_in_record(login=login, address=self.get_client_ip(request))

    def logout(self, request: HttpRequest) -> None:
        session_end(request, forget=True)

    def send_notification_mail(
        self, template_prefix: str, user: Any, *rest: Any, **asked: Any
    ) -> None:
        """Tell somebody what was changed; a mail server that is away undoes no change."""
        try:
            super().send_notification_mail(template_prefix, user, *rest, **asked)
        except OSError:
            logger.exception("A change of an account could not be told by mail.")


@receiver(user_logged_in)
def _signed_in(request: HttpRequest, user: Any, **_: Any) -> None:
    """allauth keeps what somebody proved; the last of it is what let them in."""
    proved = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY) or [{}]
    means = MEANS.get(proved[-1].get("method", ""), "password")
    sign_in_record(user=user, address=_address(request), means=means)


@receiver(authentication_failed)
def _second_factor_failed(request: HttpRequest, user: Any, **_: Any) -> None:
    sign_in_record(user=user, address=_address(request), means="second factor", failed=True)


def _address(request: HttpRequest) -> str:
    return str(AccountAdapter(request).get_client_ip(request))


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """An identity provider opens accounts under the same rule; the default asks the one above."""


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keys of authenticator apps and seeds of recovery codes are sealed at rest."""

    PURPOSE = SECOND_FACTOR

    def encrypt(self, text: str) -> str:
        return Seal(settings.SEALING_KEYS, self.PURPOSE).close(text.encode())

    def decrypt(self, encrypted_text: str) -> str:
        return Seal(settings.SEALING_KEYS, self.PURPOSE).open(encrypted_text).decode()

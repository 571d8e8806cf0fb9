"""What allauth asks of Greenroom: who may make an account, and how second factors are kept."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from memoryapp.access import INVITATION_KEY
from memoryapp.domain.sealing import Seal
from memoryapp.services.invitations import invitation_of
from memoryapp.services.sealing import SECOND_FACTOR


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Only for who holds an invitation that is still open."""
        return invitation_of(request.session.get(INVITATION_KEY, "")) is not None


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """An identity provider opens accounts under the same rule; the default asks the one above."""


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keys of authenticator apps and seeds of recovery codes are sealed at rest."""

    PURPOSE = SECOND_FACTOR

    def encrypt(self, text: str) -> str:
        return Seal(settings.SEALING_KEYS, self.PURPOSE).close(text.encode())

    def decrypt(self, encrypted_text: str) -> str:
        return Seal(settings.SEALING_KEYS, self.PURPOSE).open(encrypted_text).decode()

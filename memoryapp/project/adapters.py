"""What allauth asks of Greenroom: who may make an account, and how second factors are kept.

And what Greenroom asks of it: who signed in, and who failed to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address, ip_network
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress
from allauth.account.signals import user_logged_in
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.signals import authentication_failed
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal.flows.connect import connect
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.transaction import on_commit
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import get_template
from requests import RequestException, Response, Session

from memoryapp.access import session_end
from memoryapp.domain.errors import UnableTo
from memoryapp.domain.sealing import Seal
from memoryapp.project.account_changes import password_ended
from memoryapp.services.invitations import invitation_accept, invitation_of
from memoryapp.services.sealing import SECOND_FACTOR
from memoryapp.services.sign_ins import sign_in_record, unknown_sign_in_record
from memoryapp.views.join import (
    INVITATION_FIELD,
    agreed_to,
    invitation_token,
    is_of_another,
)

logger = logging.getLogger(__name__)

#: What allauth calls what somebody proved, in our words.
MEANS = {"mfa": "second factor", "socialaccount": "identity provider"}
#: Mails that are all that comes of a form: nobody is told that one is on its way which is not.
AWAITED = {"account/email/password_reset_key", "account/email/unknown_account"}
#: Mails that come with what is stored already. An address may be proved at any time.
PROVING = {
    "account/email/account_already_exists",
    "account/email/email_confirmation",
    "account/email/email_confirmation_signup",
}
RETRY_SECONDS = "60"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    #: The same of a wrong name and of a wrong password: it says nothing of who has an account.
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": (
            "Too many failed attempts to sign in. Wait five minutes, then try again."
        ),
        "username_password_mismatch": "No account has this username and password.",
        "email_password_mismatch": "No account has this mail address and password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Only for who holds an invitation that is still open; the page says which it is of."""
        request.invitation = invitation_of(invitation_token(request))  # type: ignore[attr-defined]
        return request.invitation is not None  # type: ignore[attr-defined]

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """Nobody has an account who is in no workspace: it is made and let in at once, or neither.

        Else one link, which lets in one person, would make any number of accounts.
        """
        with transaction.atomic():
            made = super().save_user(request, user, form, commit=commit)
            if commit:
                # Who comes from the provider and has to name themselves agreed before they went.
                login = getattr(form, "sociallogin", None)
                agreed = _agreed(login) if login else request.POST.get(INVITATION_FIELD, "")
                _let_in(request, made, agreed)
        return made

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        login = credentials.get("username") or credentials.get("email") or ""
        unknown_sign_in_record(login=login, address=self.get_client_ip(request))

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """What wrong passwords are counted by: the name alone.

        allauth puts the host of the request before it, which whoever guesses writes as they like.
        """
        return str(credentials.get("email", credentials.get("username", ""))).lower()

    def get_client_ip(self, request: HttpRequest) -> str:
        """Where somebody signs in from.

        Who else was passed on the way is believed of the operator's own proxies only, and of as
        many as there are: else it is whoever connected, as anybody can write such a header.
        """
        peer = str(request.META.get("REMOTE_ADDR", ""))
        if settings.ALLAUTH_TRUSTED_PROXY_COUNT and "X-Forwarded-For" in request.headers:
            if not _is_proxy(peer):
                logger.warning(
                    "A sign-in was handed on by %s, which PROXY_ADDRESSES does not name, so it "
                    "counts as from there.",
                    peer,
                )
                return peer
            try:
                return str(super().get_client_ip(request))
            except ImproperlyConfigured:
                logger.warning(
                    "A sign-in came through fewer proxies than TRUSTED_PROXIES says (%s), so it "
                    "counts as from the last of them. Correct TRUSTED_PROXIES.",
                    settings.ALLAUTH_TRUSTED_PROXY_COUNT,
                )
                return peer
        return str(super().get_client_ip(request))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Links lead to ``PUBLIC_URL``, without which there is no mail.

        The host of a request is what whoever sent it says: a link that begins with it would bring
        the word it carries to them.
        """
        if not settings.PUBLIC_URL:
            return
        host = urlsplit(settings.PUBLIC_URL).netloc
        led = {name: _public(value) for name, value in context.items() if name.endswith("_url")}
        site = SimpleNamespace(name=host, domain=host)
        told = {**context, **led, "current_site": site}
        # No mail tells of what is not stored, and nothing is locked while its server is waited for.
        send = partial(super().send_mail, template_prefix, email, told)
        on_commit(partial(_sent, send, template_prefix, email))

    def logout(self, request: HttpRequest) -> None:
        session_end(request, forget=True)

    def send_notification_mail(
        self, template_prefix: str, user: Any, *rest: Any, **asked: Any
    ) -> None:
        """Tell somebody what was changed; a mail server that is away undoes no change."""
        tell = partial(super().send_notification_mail, template_prefix, user, *rest, **asked)

        def told() -> None:
            try:
                tell()
            except OSError:
                logger.exception("A mail about a change to an account could not be sent.")

        on_commit(told)


def _sent(send: Callable[[], None], template_prefix: str, email: str) -> None:
    """Say what became of the mail, once it is known.

    A mail server that is away is no defect, and what is stored stays.
    """
    try:
        send()
        if template_prefix in PROVING:
            messages.info(context.request, f"A confirmation link was sent to {email}.")
    except OSError as error:
        if template_prefix not in AWAITED | PROVING:
            raise
        logger.exception("A mail could not be sent. EMAIL_URL names the server.")
        if template_prefix in AWAITED:
            raise ImmediateHttpResponse(_later("503_mail.html")) from error
        messages.error(
            context.request,
            f"The mail to {email} could not be sent. Ask for another in a few minutes, "
            "under Your account, Email addresses.",
        )


def _later(page: str) -> HttpResponse:
    """Tell somebody to try again, for what they asked needs a server that is away."""
    answer = HttpResponse(get_template(page).render(), status=503)
    answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def _let_in(request: HttpRequest, user: Any, agreed: str) -> None:
    """Use up the invitation ``user`` made their account by; say so where it is used up or another.

    ``agreed`` is the digest of the one they saw.
    """
    token = invitation_token(request)
    invitation = invitation_of(token)
    try:
        if invitation is None or is_of_another(request, invitation, agreed):
            raise ImmediateHttpResponse(redirect("join"))
        invitation_accept(token=token, by=user)
    except UnableTo as error:  # two made an account by one link in the same moment
        raise ImmediateHttpResponse(redirect("join")) from error


def _agreed(login: SocialLogin) -> str:
    return str(login.state.get(INVITATION_FIELD, ""))


def _is_proxy(peer: str) -> bool:
    """Whether a proxy of the operator's connected; over a Unix socket nobody else can."""
    if not peer:
        return True
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ip_network(network) for network in settings.PROXY_ADDRESSES)


def _public(link: str) -> str:
    parts = urlsplit(link)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{settings.PUBLIC_URL}{path}"


@receiver(user_logged_in)
def _signed_in(request: HttpRequest, user: Any, **_: Any) -> None:
    """allauth keeps what somebody proved; the last of it is what let them in."""
    proved = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY) or [{}]
    means = MEANS.get(proved[-1].get("method", ""), "password")
    # It may have begun as one of somebody unknown, which is not kept for long.
    request.session.set_expiry(settings.SESSION_COOKIE_AGE)
    sign_in_record(user=user, address=_address(request), means=means)


@receiver(authentication_failed)
def _second_factor_failed(request: HttpRequest, user: Any, **_: Any) -> None:
    sign_in_record(user=user, address=_address(request), means="second factor", failed=True)


def _address(request: HttpRequest) -> str:
    return str(AccountAdapter(request).get_client_ip(request))


#: What of a provider's description of itself is needed.
DESCRIBED = {"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"}


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """An identity provider opens accounts under the same rule; the default asks the one above."""

    def get_requests_session(self) -> Session:
        """What the provider is asked with: while it is away people are told so, by a 503."""
        session: Session = super().get_requests_session()
        session.request = partial(_asked, session.request)  # type: ignore[method-assign]
        return session

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Tell the operator why; whoever signs in is told that it failed."""
        if exception is not None:
            cause = exception.__cause__ or exception
            logger.warning("OIDC: the provider's answer was refused: %s", cause)

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> Any:
        """Called with all that the provider said, before anybody is looked for.

        Raises:
            OAuth2Error: it speaks of two people.
        """
        said = sociallogin.account.extra_data
        parts = [said[name] for name in ("userinfo", "id_token") if said.get(name)]
        if len({str(part.get("sub")) for part in parts}) > 1:
            # OpenID Connect Core 5.3.2: the token says who it was, and was made for us.
            raise OAuth2Error("userinfo is of another subject than the token")
        for address in sociallogin.email_addresses:
            # Some write it as a word, and "false" would count as true.
            address.verified = str(address.verified).lower() == "true"
        return super().populate_user(request, sociallogin, data)

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[Any, str] | None:
        """The account with an address the provider vouches for, as far as ``OIDC_CONNECT`` goes.

        Who made an account may have written anybody's address into it, and keeps their own ways
        into it: only an address that was proved here says whose account it is.
        """
        found: tuple[Any, str] | None = super().authenticate_by_email(sociallogin)
        if found is None or settings.OIDC_CONNECT == "any":
            return found
        proved = EmailAddress.objects.filter(user=found[0], email=found[1].lower(), verified=True)
        return found if settings.OIDC_CONNECT == "verified" and proved.exists() else None

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> Any:
        """As above: with a form it is the other adapter that lets them in."""
        with transaction.atomic():
            made = super().save_user(request, sociallogin, form)
            if form is None:
                _let_in(request, made, _agreed(sociallogin))
        return made

    def generate_state_param(self, state: dict[str, Any]) -> str:
        """Note which invitation somebody goes to the provider with.

        Another tab may have opened another one by the time they are back.
        """
        state[INVITATION_FIELD] = agreed_to(context.request)
        return str(super().generate_state_param(state))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Connect an account in one transaction with its row in the log.

        Say how to connect one to whoever seems to have one, and may make none.
        """
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            with transaction.atomic():
                answer = connect(request, sociallogin)
            raise ImmediateHttpResponse(answer)
        if sociallogin.is_existing:
            _take(request, sociallogin)
            return
        if self.is_open_for_signup(request, sociallogin):
            return
        vouched = [one.email for one in sociallogin.email_addresses if one.verified]
        if any(filter_users_by_email(email) for email in vouched):
            messages.error(
                request,
                f"An account with the address {vouched[0]} exists here, but it was not confirmed "
                "here that the address is yours. Sign in to it as you did before, then connect it "
                "under Your account, Sign-in services.",
            )
            raise ImmediateHttpResponse(redirect("account_login"))


def _take(request: HttpRequest, login: SocialLogin) -> None:
    """Connect the account that an address opens; allauth would do so later, and not at once."""
    user = login.user
    with transaction.atomic():
        had = user.has_usable_password()
        login._accept_login(request)
        if had and not user.has_usable_password():
            password_ended(request, user)
    login._did_authenticate_by_email = None


def _asked(ask: Any, method: str, url: str, **how: Any) -> Response:
    try:
        answer: Response = ask(method, url, **how)
        if answer.status_code >= 500:
            raise RequestException(f"it answered {answer.status_code}")
        if "/.well-known/" in url:
            answer.raise_for_status()
            described = answer.json()
            if not isinstance(described, dict) or DESCRIBED - described.keys():
                raise RequestException("it does not describe an OpenID provider")
    except RequestException as error:
        logger.warning("OIDC_ISSUER: the provider cannot be used, asked at %s: %s", url, error)
        raise ImmediateHttpResponse(_later("503_provider.html")) from error
    return answer


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keys of authenticator apps and seeds of recovery codes are sealed at rest."""

    PURPOSE = SECOND_FACTOR

    def encrypt(self, text: str) -> str:
        return Seal(settings.SEALING_KEYS, self.PURPOSE).close(text.encode())

    def decrypt(self, encrypted_text: str) -> str:
        return Seal(settings.SEALING_KEYS, self.PURPOSE).open(encrypted_text).decode()

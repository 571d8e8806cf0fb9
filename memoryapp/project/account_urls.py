"""The addresses of allauth, and what is asked of some of them besides.

What changes an account is stored together with its row in the audit log, or not at all. What
anybody may ask for before it is known who they are leaves little behind, and not for long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any

from allauth.decorators import rate_limit
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path

View = Callable[..., HttpResponseBase]

#: How many sessions of somebody unknown an address may have begun, as allauth writes it. People
#: behind one address who all sign in as work begins stay well below.
BEGUN = {"begin": "120/m/ip"}
#: Seconds. A session of somebody unknown holds what a passkey has to sign, or what an identity
#: provider has to send back: it is of use for minutes.
FLEETING = 60 * 60


def fleeting(view: View) -> View:
    """Let no address have more than some sessions a minute begun, and keep none of them for long.

    One that was there before is left as it is: it may hold what somebody typed.
    """
    limited = rate_limit(action="begin", config=BEGUN, limit_get=True)(view)

    @wraps(view)
    def led(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        is_new = not request.session.keys()
        answer: HttpResponseBase = limited(request, *args, **kwargs)
        if is_new and request.session.keys():
            request.session.set_expiry(FLEETING)
        return answer

    return led


def whole(view: View) -> View:
    """Store all that a form changes, or nothing of it. Mails go out when it is stored."""

    @wraps(view)
    def led(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():
            return view(request, *args, **kwargs)

    return led


#: What is done around single addresses, by their name. Whoever proves again who they are goes on
#: within that with what they were about to change.
LED: Mapping[str, Callable[[View], View]] = {
    **dict.fromkeys(
        (
            "account_change_password",
            "account_confirm_email",
            "account_email",
            "account_reauthenticate",
            "account_reset_password_from_key",
            "account_set_password",
            "mfa_activate_totp",
            "mfa_add_webauthn",
            "mfa_deactivate_totp",
            "mfa_generate_recovery_codes",
            "mfa_reauthenticate",
            "mfa_reauthenticate_webauthn",
            "mfa_remove_webauthn",
            "socialaccount_connections",
        ),
        whole,
    ),
    "mfa_login_webauthn": fleeting,
    "openid_connect_login": fleeting,
}


def _led(found: Sequence[URLPattern | URLResolver]) -> Iterator[URLPattern | URLResolver]:
    for one in found:
        if isinstance(one, URLResolver):
            within = [*_led(one.url_patterns)]
            yield URLResolver(one.pattern, within, one.default_kwargs, one.app_name, one.namespace)
        else:
            around = LED.get(one.name or "")
            view = around(one.callback) if around else one.callback
            yield URLPattern(one.pattern, view, one.default_args, one.name)


urlpatterns = [
    *_led(
        [
            path("", include("allauth.account.urls")),
            path("", include("allauth.socialaccount.providers.openid_connect.urls")),
            path("account/services/", include("allauth.socialaccount.urls")),
            path("account/second-factor/", include("allauth.mfa.urls")),
            path("account/sessions/", include("allauth.usersessions.urls")),
        ]
    )
]

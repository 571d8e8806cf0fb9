"""How people sign in: passwords, second factors, an identity provider. Part of the settings."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import environ

from memoryapp.project import variables
from memoryapp.project.environment import env

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "account_login"
SESSION_COOKIE_AGE = env.whole("SESSION_HOURS", 24 * 14, least=1, most=8760) * 60 * 60

#: Minutes without use after which somebody is signed out; 0 is never.
SESSION_IDLE_MINUTES = env.whole("SESSION_IDLE_MINUTES", 0, least=0, most=20_160)

ACCOUNT_ADAPTER = "memoryapp.project.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "memoryapp.forms.NameForm"
#: Nobody is let in by an address: an invitation is what lets people in.
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
#: A changed password or second factor is told to its owner, where mail is sent at all.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Greenroom: "
#: Mail is optional: without a server nobody can ask for a link to set a password anew.
_mail = environ.Env.email_url_config(
    env.address(
        "EMAIL_URL",
        "dummymail://",
        schemes=("smtp", "smtps", "smtp+tls", "smtp+ssl"),
        example="smtps://user:password@mail.example.com:587",
    )
)
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"
EMAIL_HOST = _mail["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _mail["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.read("EMAIL_FROM", variables.mailbox, "greenroom@localhost")

#: Proxies in front of the web server; without it every visitor has the proxy's address.
ALLAUTH_TRUSTED_PROXY_COUNT = env.whole("TRUSTED_PROXIES", 0, least=0, most=10)
#: This machine and what is in no public net.
NEARBY = (
    *("127.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)
#: Where those proxies are: from elsewhere nobody is believed to hand a visitor on.
PROXY_ADDRESSES = env.several("PROXY_ADDRESSES", NEARBY, each=variables.network)
# What counts wrong passwords must outlive a restart and be one for all web processes.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "greenroom_cache",
        # Beyond Django's own 300 a third is thrown away, locks of names and used codes with it:
        # guessing at a few hundred names would then unlock them all.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

MFA_ADAPTER = "memoryapp.project.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
# An address is optional here, and proving one is no condition of a second factor.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# The code before and the one after count too: clocks of phones are not exact.
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = "Greenroom"
#: Roles that do nothing without a second factor.
SECOND_FACTOR_ROLES = env.several(
    "SECOND_FACTOR_ROLES", each=variables.one_of("viewer", "reviewer", "editor", "admin")
)
#: Has the page of one's sessions say when each was last seen; ``NoteSeen`` writes it down.
USERSESSIONS_TRACK_ACTIVITY = True

SOCIALACCOUNT_ADAPTER = "memoryapp.project.adapters.SocialAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
# The operator names the provider, so its word for an address is taken. Whose account has that
# address is another matter: OIDC_CONNECT.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
#: Which account with the address of a person from the provider is theirs from the first time on.
OIDC_CONNECT = env.choice("OIDC_CONNECT", "verified", among=("verified", "any", "never"))
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
OIDC_ISSUER = env.address(
    "OIDC_ISSUER",
    schemes=("http", "https"),
    example="https://login.example.com/realms/acme",
    check=variables.service,
)
OIDC_ORIGIN = ["{0.scheme}://{0.netloc}".format(urlsplit(OIDC_ISSUER))] if OIDC_ISSUER else []


OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.secret("OIDC_CLIENT_SECRET")
if OIDC_ISSUER and not OIDC_CLIENT_ID:
    env.wrong("OIDC_CLIENT_ID", "must be what the provider of OIDC_ISSUER knows Greenroom by.")
if OIDC_CLIENT_ID and not env.source.get("OIDC_ISSUER", "").strip():
    env.wrong("OIDC_ISSUER", "must be the address of the provider that knows OIDC_CLIENT_ID.")


def _oidc_apps() -> list[dict[str, Any]]:
    if not OIDC_ISSUER:
        return []
    return [
        {
            "provider_id": "oidc",
            "name": env.text("OIDC_NAME", "Single sign-on"),
            "client_id": OIDC_CLIENT_ID,
            "secret": OIDC_CLIENT_SECRET,
            "settings": {"server_url": OIDC_ISSUER, "oauth_pkce_enabled": True},
        }
    ]


SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": _oidc_apps()}}

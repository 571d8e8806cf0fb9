"""Which network addresses the workers may call for somebody who entered them in a form.

Anyone who may connect an environment or a webhook makes the workers call an address of their
choice. Addresses where cloud machines hand out their own credentials, and link-local ones in
general, are never what they mean, so these are always refused. Most tool servers live at private
addresses and few webhooks do; a setting decides for each of the two.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from urllib.parse import parse_qsl, urlsplit

from memoryapp.domain.masking import redact_value

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
#: All private addresses, none, or those of the networks that the operator lists.
Private = bool | tuple[IpNetwork, ...]

#: Names and addresses under which cloud providers serve credentials to their machines.
METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.azure.internal",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
ENVIRONMENTS = "ENVIRONMENT_PRIVATE_ADDRESSES"
#: IPv6 prefixes whose last 32 bits are an IPv4 address: NAT64, compatible and translated ones.
_CARRYING = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/96", "::/96", "::ffff:0:0:0/96"))
)
#: What is not on the public internet, by IANA's registries of special addresses (RFC 6890), with
#: multicast and withdrawn blocks. ``is_global`` knows fewer, and differs from Python to Python.
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/128",
            "::1/128",
            "::ffff:0:0/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "100:0:0:1::/64",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
            "5f00::/16",
            "fc00::/7",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
        ),
    )
)
_NONE_AT_ALL = (ipaddress.ip_address("::"), ipaddress.ip_address("::1"))

METADATA = (
    "{host} is a link-local or cloud metadata address, which is never called. Enter the address "
    "of your server."
)
PRIVATE = (
    "{host} is a private address, and {setting} is off on this machine or leaves it out. "
    "Enter a public address, or have the operator of this machine allow private ones."
)


MOST_URL = 500
#: A host as it is written in an address: a name, or an address without its brackets.
_HOST = re.compile(r"[\w-][\w.-]*|[\da-f:.]+(?:%\w+)?")


def url_problem(url: str, *, private_allowed: Private, setting: str = ENVIRONMENTS) -> str:
    """Say why an address that somebody entered may not be kept; empty if it may.

    Stricter than ``address_problem``: every library has to read the address alike, because what
    one cuts off or rewrites leads elsewhere in the next.
    """
    if len(url) > MOST_URL:
        return f"An address has at most {MOST_URL} characters."
    if any(letter.isspace() or not letter.isprintable() or letter == "\\" for letter in url):
        return "An address has no spaces, line breaks, backslashes or hidden characters in it."
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError as error:  # brackets without an IPv6 address, a port without a number
        return f"The address cannot be read: {error}."
    host = parts.hostname or ""
    if not is_one or not host:
        return "The address must start with http:// or https:// and name a host."
    plain = unicodedata.normalize("NFKC", host)
    # vowel signs and accents belong to letters without being letters
    letters = "".join(each for each in host if unicodedata.category(each)[0] != "M")
    if plain != host or not _HOST.fullmatch(letters):
        return (
            "The host of the address contains look-alike or invisible characters. Type it in "
            "plain ones."
        )
    return address_problem(url, private_allowed=private_allowed, setting=setting)


def address_problem(url: str, *, private_allowed: Private, setting: str = ENVIRONMENTS) -> str:
    """Say why the host of ``url`` may not be called, by its name alone; empty if it may.

    ``setting`` is the one that allows private addresses, for the words of the answer.
    A name is not looked up here: ``ip_problem`` checks what it resolves to, when it is called.

    Raises:
        ValueError: ``url`` cannot be read as an address at all.
    """
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    if host in METADATA_NAMES:
        return METADATA.format(host=host)
    address = literal(host)
    if address is not None:
        return ip_problem(address, host, private_allowed=private_allowed, setting=setting)
    if not private_allowed and (host == "localhost" or host.endswith(".localhost")):
        return PRIVATE.format(host=host, setting=setting)
    return ""


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: who is called at an address.

    Raises:
        ValueError: ``url`` cannot be read as an address at all.
    """
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or usual


def carries_credentials(url: str) -> bool:
    """Whether a user, a password or a secret is written into an address.

    Its query and its fragment are searched too; a path alone may be given as well.

    Raises:
        ValueError: ``url`` cannot be read as an address at all.
    """
    parts = urlsplit(url)
    asked = dict(parse_qsl(f"{parts.query}&{parts.fragment}"))
    return parts.username is not None or bool(redact_value(asked) != asked)


def ip_problem(
    address: IpAddress, host: str, *, private_allowed: Private, setting: str = ENVIRONMENTS
) -> str:
    """Say why ``address``, which ``host`` stands for, may not be called; empty if it may."""
    inside = _embedded(address)
    if any(inner.is_link_local or inner in METADATA_ADDRESSES for inner in inside):
        return METADATA.format(host=host)
    if not all(_is_public(inner) or _allowed(inner, private_allowed) for inner in inside):
        return PRIVATE.format(host=host, setting=setting)
    return ""


def _is_public(address: IpAddress) -> bool:
    return address.is_global and not any(address in network for network in _SPECIAL)


def private_networks(written: str) -> Private:
    """Read ``true``, ``false`` or networks with commas between them, such as ``10.1.0.0/16``.

    Raises:
        ValueError: it is none of these.
    """
    word = written.strip().lower()
    if word in {"true", "yes", "on", "1"}:
        return True
    if word in {"", "false", "no", "off", "0"}:
        return False
    return tuple(ipaddress.ip_network(part.strip()) for part in written.split(",") if part.strip())


def _allowed(address: IpAddress, private: Private) -> bool:
    if isinstance(private, bool):
        return private
    return any(address in network for network in private)


def literal(host: str) -> IpAddress | None:
    """The address a host is written as, in any notation the system reads, or ``None`` for names.

    ``2852039166``, ``0xa9fea9fe`` and ``169.254.43518`` are all 169.254.169.254 to a resolver.
    """
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):  # it holds a NUL or a character outside ASCII
        return None


def _embedded(address: IpAddress) -> tuple[IpAddress, ...]:
    """The IPv4 addresses that an IPv6 address carries and is judged by; itself if it carries none.

    Mapped, compatible, translated, NAT64 and 6to4 addresses carry one; a Teredo address carries
    its server's and its own.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address not in _NONE_AT_ALL and any(address in network for network in _CARRYING):
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    carried = address.ipv4_mapped or address.sixtofour
    return (carried,) if carried else (address, *(address.teredo or ()))

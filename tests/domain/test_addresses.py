"""Which addresses an environment may have."""

from __future__ import annotations

import pytest

from memoryapp.domain.addresses import address_problem, carries_credentials, private_networks


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://169.254.1.1/mcp",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://[fe80::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://[::169.254.169.254]/",
        "http://[64:ff9b:1::a9fe:a9fe]/",
        "http://[2002:a9fe:a9fe::]/",
        "http://168.63.129.16/machine",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://metadata.google.internal/",
        "http://METADATA.google.internal./",
    ],
)
def test_it_refuses_link_local_and_metadata_addresses(url: str) -> None:
    assert "It is never called" in address_problem(url, private_allowed=True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/", "http://localhost/", "http://10.1.2.3/", "http://[::1]/"]
)
def test_it_leaves_private_addresses_to_the_operator(url: str) -> None:
    assert address_problem(url, private_allowed=True) == ""
    assert "ENVIRONMENT_PRIVATE_ADDRESSES is off" in address_problem(url, private_allowed=False)


@pytest.mark.parametrize(
    "url", ["https://tools.example.com/mcp", "https://8.8.8.8/", "http://0x7f\0.1/"]
)
def test_it_allows_public_addresses(url: str) -> None:
    assert address_problem(url, private_allowed=False) == ""


@pytest.mark.parametrize(
    ("url", "carries"),
    [
        ("http://user:pa55@desk/", True),
        ("http://user@desk/", True),
        ("https://desk/doc.json?api_key=sk-live-42", True),
        ("https://desk/doc.json?v=1&access_token=0123456789abcdef", True),
        ("https://desk/doc.json?version=3&page_token=", False),
        ("https://desk/@users/doc.json", False),
    ],
)
def test_it_tells_an_address_with_credentials_in_it(url: str, carries: bool) -> None:
    assert carries_credentials(url) is carries


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://2130706433/", "http://[::ffff:127.0.0.1]/"]
)
def test_it_allows_the_networks_that_are_listed_and_no_others(url: str) -> None:
    listed = private_networks("127.0.0.0/8, 10.1.0.0/16")
    assert address_problem(url, private_allowed=listed) == ""
    assert address_problem("http://10.1.2.3/", private_allowed=listed) == ""
    assert "leaves it out" in address_problem("http://10.2.2.3/", private_allowed=listed)
    assert "leaves it out" in address_problem("http://[::1]/", private_allowed=listed)
    assert "It is never called" in address_problem("http://169.254.1.1/", private_allowed=listed)


@pytest.mark.parametrize(("word", "meant"), [("true", True), ("False", False), ("", False)])
def test_it_reads_all_and_none(word: str, meant: bool) -> None:
    assert private_networks(word) is meant


@pytest.mark.parametrize("wrong", ["10.1.2.3/16", "office", "10.0.0.0/99"])
def test_it_refuses_what_is_no_network(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits|IPv4"):
        private_networks(wrong)

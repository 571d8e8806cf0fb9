"""Which addresses an environment may have."""

from __future__ import annotations

import pytest

from memoryapp.domain.addresses import (
    address_problem,
    carries_credentials,
    private_networks,
    url_problem,
)


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
        "http://[::ffff:0:a9fe:a9fe]/",
        # Teredo, of a server and of a client whose bits are turned over
        "http://[2001:0:a9fe:a9fe::]/",
        "http://[2001:0:808:808:0:0:5601:5601]/",
        "http://metadata.google.internal/",
        "http://METADATA.google.internal./",
    ],
)
def test_it_refuses_link_local_and_metadata_addresses(url: str) -> None:
    assert "which is never called" in address_problem(url, private_allowed=True)


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
    assert "which is never called" in address_problem("http://169.254.1.1/", private_allowed=listed)


@pytest.mark.parametrize(("word", "meant"), [("true", True), ("False", False), ("", False)])
def test_it_reads_all_and_none(word: str, meant: bool) -> None:
    assert private_networks(word) is meant


@pytest.mark.parametrize("wrong", ["10.1.2.3/16", "office", "10.0.0.0/99"])
def test_it_refuses_what_is_no_network(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits|IPv4"):
        private_networks(wrong)


@pytest.mark.parametrize(
    "host",
    [
        "100.64.0.1",
        "192.0.0.8",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:a00:1::]",
        "[2001:0:808:808::]",
        "[100::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
    ],
)
def test_no_special_address_is_a_public_one(host: str) -> None:
    assert "is a private address" in address_problem(f"http://{host}/", private_allowed=False)


@pytest.mark.parametrize("host", ["[2606:4700::1111]", "[64:ff9b::808:808]", "[2002:808:808::]"])
def test_a_public_address_may_be_carried_in_another(host: str) -> None:
    assert address_problem(f"http://{host}/", private_allowed=False) == ""


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.com/\r\nX: y", "no spaces, line breaks"),
        ("http://exam\tple.com/", "no spaces, line breaks"),
        ("http://ex ample.com", "no spaces, line breaks"),
        ("http://example.com/\u200b", "no spaces, line breaks"),
        ("http://example.com\\@10.0.0.1/", "no spaces, line breaks"),
        ("http://１６９.254.169.254/", "look-alike"),
        ("http://169。254。169。254/", "look-alike"),
        ("http://exa%6dple.com/", "look-alike"),
        ("http://[::1", "cannot be read"),
        ("http://desk:99999/", "cannot be read"),
        ("http://desk:0/", "must start with"),
        ("ftp://desk/", "must start with"),
        ("http:///path", "must start with"),
        ("desk.example.com", "must start with"),
        ("http://desk/" + "x" * 500, "at most 500"),
        ("http://10.1.2.3/", "is a private address"),
    ],
)
def test_it_says_why_an_address_may_not_be_kept(url: str, said: str) -> None:
    assert said in url_problem(url, private_allowed=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com:8443/a?b=c#d",
        "http://tool_server/mcp",
        "https://bücher.example/",
        "https://भारत.example/",
        "http://[fe::1%25eth0]/",
        "http://[2606:4700::1111]:80/",
    ],
)
def test_it_keeps_an_address_that_is_one(url: str) -> None:
    assert url_problem(url, private_allowed=True) == ""

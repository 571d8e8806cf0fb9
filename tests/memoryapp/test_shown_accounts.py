"""What django-allauth and browsers say, in the words of the other pages."""

import pytest

from memoryapp.templatetags import accounts


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("\n  Two-Factor Authentication ", "Two-factor authentication"),
        ("Add Security Key", "Add security key"),
        ("IP Address", "IP address"),
        ("Connect OpenID", "Connect OpenID"),
    ],
)
def test_it_writes_headings_of_others_in_sentence_case(theirs: str, ours: str) -> None:
    assert accounts.sentence_case(theirs) == ours


@pytest.mark.parametrize(
    ("calls_itself", "called"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/156.0.0.0 Safari/537.36",
            "Chrome on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "Unknown"),
    ],
)
def test_a_browser_is_called_as_people_call_it(calls_itself: str, called: str) -> None:
    assert accounts.browser(calls_itself) == called

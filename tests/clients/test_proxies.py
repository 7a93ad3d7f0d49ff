"""Which proxy the environment names for a download or a webhook."""

from __future__ import annotations

import pytest

from reconciler.clients.http.proxies import named, proxy_for
from reconciler.model.errors import Unreachable, UntrustedPeer

URL = "https://files.example.com/p.msi"
PROXY = "http://proxy.example.com:3128"


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": "proxy.example.com:3128"}, PROXY),
        ({"HTTP_PROXY": PROXY}, None),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "[::1]"}, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "[::1], .example.com"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "files.example.com:443"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "files.example.com:8443"}, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "ample.com"}, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "localhost  files.example.com"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "Example.COM."}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*.example.com, 10.0.0.0/8"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8, /8, :, [, ]:, 0/0, ."}, PROXY),
        ({"ALL_PROXY": "socks5://127.0.0.1:1080", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "", "ALL_PROXY": " "}, None),
    ],
)
def test_the_proxy_of_an_address(environment: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(URL, "downloading", environment) == proxy


@pytest.mark.parametrize(
    ("host", "exempt", "is_exempt"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.9.9.9/8", True),  # a network by one of its hosts
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3:8443", "10.0.0.0/8:8443", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "fd00::/8", False),
        ("10.1.2.3", "2.3", False),  # the end of an address is no domain
        ("[fd00::5]", "fd00::/8", True),
        ("[fd00::5]", "[fd00:0::5]", True),
        ("[fd00::5]", "[fd00::]/8", True),
        ("[fd00::5]:8443", "[fd00::5]:8443", True),
        ("[fd00::5]", "[fd00::5]:8443", False),
        ("files.example.com.", "files.example.com", True),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "BÜCHER.example", True),
    ],
)
def test_hosts_that_the_environment_exempts(host: str, exempt: str, is_exempt: bool) -> None:
    found = proxy_for(f"https://{host}/p", "downloading", {"https_proxy": PROXY, "no_proxy": exempt})
    assert found == (None if is_exempt else PROXY)


@pytest.mark.parametrize(
    "value", ["socks5://u:hunter2@127.0.0.1:1080", "ftp://proxy.example.com", "https://", "'http://p:1'"]
)
def test_a_proxy_that_is_none(value: str) -> None:
    with pytest.raises(Unreachable, match="that is not an HTTP proxy") as caught:
        proxy_for(URL, "downloading", {"ALL_PROXY": value})
    assert "hunter2" not in str(caught.value)
    assert "NO_PROXY" in caught.value.hint


@pytest.mark.parametrize("value", ["http://u:hunter2@[::1", "http://u:hunter2@proxy.example.com:99999", "proxy:port"])
def test_a_proxy_that_is_not_a_url(value: str) -> None:
    with pytest.raises(UntrustedPeer, match="its address is not a URL") as caught:
        proxy_for("https://files.example.com/a", "downloading", {"HTTPS_PROXY": value})
    assert "hunter2" not in str(caught.value)


def test_errors_name_the_proxy_without_its_password() -> None:
    assert named("http://u:hunter2@proxy.example.com:3128") == " through the proxy proxy.example.com:3128"
    assert named("https://u:hunter2@proxy.example.com") == " through the proxy proxy.example.com:443"
    assert named("http://[fd00::1]:3128") == " through the proxy [fd00::1]:3128"
    assert named(None) == ""

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
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "ample.com"}, PROXY),
        ({"ALL_PROXY": "socks5://127.0.0.1:1080", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "", "ALL_PROXY": " "}, None),
    ],
)
def test_the_proxy_of_an_address(environment: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(URL, "downloading", environment) == proxy


@pytest.mark.parametrize("value", ["socks5://u:hunter2@127.0.0.1:1080", "ftp://proxy.example.com", "https://"])
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
    assert named(None) == ""

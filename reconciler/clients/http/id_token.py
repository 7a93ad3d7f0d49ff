"""The ID token that GitHub Actions makes for a job.

https://docs.github.com/en/actions/reference/security/oidc
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from reconciler.clients.http.address import parts_of
from reconciler.model.connection import Trust
from reconciler.model.errors import AuthenticationFailed, BadAnswer, Refused, UntrustedPeer

_SECONDS: Final = 30.0
_WHAT: Final = "asking for an ID token"
_VARIABLES: Final = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


def github_token(audience: str, environment: Mapping[str, str]) -> str:
    """A JSON Web Token made out to `audience`, GitHub's default if it is empty. Raises RemoteError."""
    import httpx

    from reconciler.clients.http import faults, proxies, tls

    address, permit = (environment.get(name, "") for name in _VARIABLES)
    if not address or not permit:
        hint = "Give the job `permissions: {id-token: write}`; elsewhere use another method of `secrets.vault.login`."
        raise AuthenticationFailed("GitHub Actions", _WHAT, f"{_VARIABLES[0]} is not set", hint=hint)
    url, port = parts_of(address, "GitHub Actions", _WHAT)
    peer = url.hostname or "GitHub Actions"
    if url.scheme != "https":
        raise UntrustedPeer(peer, _WHAT, "its address does not begin with https://")
    made_out = f"{'&' if url.query else '?'}audience={quote(audience, safe='')}" if audience else ""
    proxy = proxies.proxy_for(address, _WHAT)
    try:
        verify = tls.context_for(tls.Peer(peer, (peer, port), Trust(), _SECONDS), ".")
        with httpx.Client(verify=verify, timeout=_SECONDS, trust_env=False, proxy=proxy) as client:
            answer = client.get(address + made_out, headers={"Authorization": f"Bearer {permit}"})
    except faults.CAUGHT as error:
        fault = faults.translate(error, peer, _WHAT)
        raise type(fault)(peer, _WHAT + proxies.named(proxy), fault.reason) from None
    if not answer.is_success:
        raise Refused(peer, _WHAT, f"it answered {answer.status_code}", status=answer.status_code)
    try:
        value = answer.json()["value"]
    except (ValueError, KeyError, TypeError):
        raise BadAnswer(peer, _WHAT, "its answer holds no token") from None
    return str(value)

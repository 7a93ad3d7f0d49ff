"""Names and ports of the lab on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.lab import network as module
from reconciler.lab.hosts.acceptor import Acceptor
from reconciler.lab.network import FALLBACK, Network, UnknownName


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(str(tmp_path))
    yield made
    made.close()


def test_a_state_folder_whose_name_is_not_utf_8() -> None:
    made = Network("/state\udcff")
    made.close()


def test_names_have_addresses_of_their_own_and_keep_their_ports(network: Network) -> None:
    one, two = network.add("one.example.com"), network.add("two.example.com")
    if FALLBACK in (one, two):
        pytest.skip("this system binds no other loopback address")
    assert one != two
    assert network.resolve("ONE.example.com", 9193) == (one, 9193)
    assert network.resolve("two.example.com", 9193) == (two, 9193)
    assert network.names == {"one.example.com": one, "two.example.com": two}


def test_low_ports_are_somewhere_else(network: Network) -> None:
    network.add("one")
    assert network.resolve("one", 22)[1] >= 1024
    assert network.resolve("one", 22) == network.resolve("one", 22)


def test_where_nothing_listens_connections_are_refused_and_then_not(network: Network) -> None:
    network.add("one")
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            network.connect("one", 9193, 5)
        with network.listen("one", 9193) as listener, network.connect("one", 9193, 5) as client:
            assert listener.getsockname() == client.getpeername() == network.resolve("one", 9193)


def test_unknown_names_do_not_resolve(network: Network) -> None:
    with pytest.raises(UnknownName, match="nowhere"):
        network.connect("nowhere", 25, 1)
    assert not network.knows("nowhere")


def test_two_labs_do_not_collide(tmp_path: Path) -> None:
    one, two = Network(str(tmp_path / "1")), Network(str(tmp_path / "2"))
    with one.listen("px", 9193) as first, two.listen("px", 9193) as second:
        assert first.getsockname() != second.getsockname()
    one.close()
    two.close()


def test_a_port_in_use_is_replaced(network: Network) -> None:
    address = network.add("one")
    with socket.create_server((address, 0)) as other:
        port = other.getsockname()[1]
        assert network.resolve("one", port) != (address, port)


def test_without_own_addresses_everything_shares_one(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_can_bind", lambda address: False)
    places = {network.resolve(network_name, 9193) for network_name in ("one", "two") if network.add(network_name)}
    assert {address for address, _ in places} == {FALLBACK}
    assert len(places) == 2


def test_a_released_place_can_be_bound_by_others(network: Network) -> None:
    place = network.release("one", 4443)
    with socket.create_server(place):
        network.connect("one", 4443, 5).close()


def test_the_acceptor_ends_connections_with_their_listener(network: Network) -> None:
    def echo(connection: socket.socket) -> None:
        while data := connection.recv(10):
            connection.sendall(data)

    with Acceptor() as acceptor:
        listening = acceptor.open(network.listen("one", 9193), echo)
        with network.connect("one", 9193, 5) as client, network.connect("one", 9193, 5) as other:
            for connection in (client, other):
                connection.sendall(b"x")
                assert connection.recv(1) == b"x"
            listening.close()
            assert client.recv(1) == other.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            network.connect("one", 9193, 5)

"""TLS of `playtime serve`, over real sockets, with a self-made certificate that only these tests trust."""

import http.client
import socket
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.program import Command, new_command
from support.tree import ROOT

FOLDER = ROOT / "tests" / "support" / "tls"
FILES = {"PLAYTIME_TLS_CERT": str(FOLDER / "cert.pem"), "PLAYTIME_TLS_KEY": str(FOLDER / "key.pem")}


@pytest.fixture(scope="module", params=["memory", "postgres"])
def serving(request: pytest.FixtureRequest) -> Iterator[Command]:
    with new_command(PLAYTIME_STORAGE=request.param, **FILES) as command, command.serving():
        yield command


def test_serve_speaks_tls(serving: Command) -> None:
    trusting = ssl.create_default_context(cafile=FILES["PLAYTIME_TLS_CERT"])
    connection = http.client.HTTPSConnection("127.0.0.1", serving.port, context=trusting, timeout=60)
    connection.request("GET", "/api/health")
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.getheader("Server") in {"granian", "playtime"}
    assert answer.getheader("Strict-Transport-Security") == "max-age=31536000; includeSubDomains"
    connection.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_new_versions_of_tls_are_spoken(serving: Command, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=FILES["PLAYTIME_TLS_CERT"])
    context.minimum_version = context.maximum_version = version
    assert _shake_hands(serving.port, context)


def test_old_versions_of_tls_are_refused(serving: Command) -> None:
    context = ssl.create_default_context(cafile=FILES["PLAYTIME_TLS_CERT"])
    context.set_ciphers("ALL:@SECLEVEL=0")  # without it this client would not even offer them
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"ALERT_(PROTOCOL_VERSION|HANDSHAKE_FAILURE)"):
        _shake_hands(serving.port, context)


def _shake_hands(port: int, context: ssl.SSLContext) -> str | None:
    plain = socket.create_connection(("127.0.0.1", port), timeout=60)
    with plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as secured:
        return secured.version()


@pytest.mark.parametrize("content", [None, "no key", (FOLDER / "cert.pem").read_text()])
def test_start_without_a_good_key_says_why(content: str | None, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    if content is not None:
        key.write_text(content)
    with new_command(**FILES | {"PLAYTIME_STORAGE": "memory", "PLAYTIME_TLS_KEY": str(key)}) as command:
        ended = command.run("serve")
    assert ended.returncode != 0
    (line,) = ended.stderr.splitlines()
    assert f"{key} cannot be used for TLS" in line
    assert "PLAYTIME_TLS_KEY" in line

"""The guards of the suite itself: what each refuses, what it lets pass, and the TLS fixture."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import xml.etree.ElementTree as Xml
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent

PLANTED = '''
import base64, logging, socket, threading
import conftest
from canaries import PRODUCT
import pytest
from venuesdk.errors import RequestRejected, VenueError
from venuesdk.secret import Secret
from venuesdk.testing import simulate

conftest.THREADS_END_WITHIN = 0.05
log = logging.getLogger("venuesdk.planted")

def start(name, target=threading.Event().wait):
    threading.Thread(target=target, args=(20,), name=name, daemon=True).start()

def from_product(source, **names):
    """Run code as if it stood in a module of the product."""
    exec(compile(source, str(PRODUCT / "wire" / "planted.py"), "exec"), names)

def test_thread_left():
    start("venuesdk-onyx-reader")

def test_thread_left_by_a_simulator():
    start("venuesdk-sim-onyx-ticker")

def test_pass_thread_of_the_resolver():
    start("venuesdk-dns-1")

def test_pass_thread_that_ends():
    start("venuesdk-onyx-dispatch", target=lambda _: None)

def test_outside_address():
    with pytest.raises(RuntimeError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)

def test_outside_name():
    with pytest.raises(RuntimeError):
        socket.getaddrinfo("venue.example", 443)

def test_pass_name_that_nobody_has():
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("venue.invalid", 443)

def test_outside_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        with pytest.raises(RuntimeError):
            one.sendto(b"x", ("203.0.113.7", 53))

def test_outside_listener():
    with socket.socket() as one, pytest.raises(RuntimeError):
        one.bind(("0.0.0.0", 0))

def test_pass_loopback():
    socket.getaddrinfo("localhost", 1), socket.getaddrinfo("127.0.0.9", 1)
    for one in socket.socketpair():
        one.close()
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()

def test_leak_log_message(canaries):
    log.debug("sent " + canaries.token)

def test_leak_log_argument(canaries):
    log.debug("sent %s", {"id": 1, "key": canaries.api_key})

def test_leak_log_argument_unshown(canaries):
    log.debug("sent %.3s", canaries.api_key)

def test_leak_log_extra(canaries):
    log.debug("sent", extra={"headers": {"X-Key": canaries.api_id}})

def test_leak_log_half(canaries):
    log.debug("sent %s", canaries.api_secret[:-8])

def test_leak_log_base64(canaries):
    pair = f"{canaries.api_id}:{canaries.api_secret}"
    log.debug("sent %s", base64.b64encode(pair.encode()))

def test_leak_credential_of_a_simulator():
    with simulate("onyx", interval=None, token="a token of its own") as venue:
        log.debug("sent %s", venue.credentials)

def test_leak_log_unformattable():
    logging.raiseExceptions = False
    log.debug("sent %d", "text")

def test_leak_log_error(canaries):
    try:
        from_product("def send(data):\\n    raise ValueError\\nsend(text)", text=canaries.token)
    except ValueError:
        log.exception("failed")

def test_leak_error_made(canaries):
    VenueError(f"refused {canaries.api_key}")

def test_leak_error_attribute(canaries):
    RequestRejected("refused", request={"auth": canaries.api_id})

def test_leak_error_caught(canaries):
    with pytest.raises(VenueError):
        from_product(
            "def send(data):\\n    raise VenueError('no')\\nsend(text)",
            text=canaries.token, VenueError=VenueError,
        )

def test_leak_error_context(canaries):
    with pytest.raises(VenueError):
        try:
            raise ValueError(canaries.token)
        except ValueError:
            raise VenueError("no")

@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_leak_thread_error(canaries):
    def fail(_):
        raise ValueError(canaries.token)
    start("venuesdk-onyx-dispatch", target=fail)

def test_fail_thread_error():
    def fail(_):
        raise ValueError("unseen")
    start("venuesdk-onyx-dispatch", target=fail)

def test_pass_secret(canaries):
    secret = Secret(canaries.token)
    log.debug("login with %s %r", secret, {"token": secret})
    with pytest.raises(VenueError):
        raise VenueError(f"refused {secret}")
    logging.getLogger("websockets.server").debug("< %s", canaries.token)

def test_pass_environment():
    import os
    assert [name for name in os.environ if name.startswith("VENUESDK_")] == []
'''

SAID = {
    "test_thread_": "threads left behind: venuesdk-",
    "test_outside_": "left loopback: socket.",
    "test_leak_": "shows ",
    "test_leak_log_unformattable": "cannot be formatted",
    "test_fail_thread_error": "PytestUnhandledThreadExceptionWarning",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run the planted tests under the guards; return what failed each, "" for those that passed."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "test_planted.py").write_text(PLANTED, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\nmarkers = long\n")
    report = folder / "report.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "--junitxml", report, folder],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
            "VENUESDK_ONYX_TOKEN": "from the developer",
        },
        capture_output=True,
        timeout=50,
        check=False,
    )
    return {
        case.attrib["name"]: "".join(str(bad.text) for bad in case)
        for case in Xml.parse(report).iter("testcase")
    }


PLANTED_NAMES = [
    line[4:].partition("(")[0] for line in PLANTED.splitlines() if line.startswith("def test_")
]


@pytest.mark.parametrize("name", PLANTED_NAMES)
def test_a_guard_does_its_part(name: str, outcomes: dict[str, str]) -> None:
    """What must not happen under any test fails it with the reason; what may happen does not."""
    said = [text for start, text in SAID.items() if name.startswith(start)]
    if name.startswith("test_pass_"):
        assert outcomes[name] == ""
    else:
        assert said[-1] in outcomes[name]


def shake_hands(client: ssl.SSLObject, server: ssl.SSLObject, pipes: list[ssl.MemoryBIO]) -> None:
    """Carry bytes between the two ends until both have finished their handshake."""
    from_client, to_client, from_server, to_server = pipes
    for _ in range(4):
        for end in (client, server):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
            to_server.write(from_client.read())
            to_client.write(from_server.read())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "elsewhere.example"])
def test_the_tls_fixture_trusts_its_own_hosts(host: str, tls: Any) -> None:
    """Both ends agree on TLS for the hosts that the certificate names, and on no other."""
    pipes = [ssl.MemoryBIO() for _ in range(4)]
    from_client, to_client, from_server, to_server = pipes
    client = tls.client_context.wrap_bio(to_client, from_client, server_hostname=host)
    server = tls.server_context.wrap_bio(to_server, from_server, server_side=True)
    if host == "elsewhere.example":
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(client, server, pipes)
    else:
        shake_hands(client, server, pipes)
        assert client.version() == server.version() == "TLSv1.3"
    assert tls.ca_file.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")

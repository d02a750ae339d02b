"""TLS: what is agreed on, who vouches, and each way in which it fails."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from venuesdk.cli.checks.encryption import TLS_ADVICE
from venuesdk.testing import simulate
from venuesdk.testing.faults import HostileServer
from venuesdk.wire.probe import TlsFault

NOW = datetime.now(timezone.utc)


def test_a_good_connection_tells_who_vouches_for_it(look: Any, tls: Any) -> None:
    """Version and cipher; then the chain up to the authority, and the days that are left."""
    with simulate("onyx", tls=tls.server_context) as venue:
        seen = look("onyx", venue.url, credentials=venue.credentials, ca_file=str(tls.ca_file))
    assert seen["TLS"].verdict.value == "ok"
    assert seen["TLS"].said.startswith("TLSv1.3, TLS_")
    certificate = seen["certificate"]
    assert certificate.verdict.value == "ok"
    assert "issued by Testing CA #" in certificate.said
    assert "days" in certificate.said
    assert len(certificate.facts["chain"]) == 2
    assert "failed" not in seen.verdicts.values()
    assert seen["HTTP"].said.startswith("GET https://")


def test_without_tls_there_is_nothing_to_look_at(look: Any) -> None:
    """ws:// stops nothing."""
    with simulate("onyx") as venue:
        seen = look("onyx", venue.url, credentials=venue.credentials)
    assert seen["TLS"].verdict.value == "skipped"
    assert seen["upgrade"].verdict.value == "ok"


def server_context(tls: Any, host: str = "127.0.0.1", **options: Any) -> ssl.SSLContext:
    """Return a server's context with a certificate of the private authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.authority.issue_cert(host, **options).configure_cert(context)
    return context


@pytest.fixture
def served(look: Any, tls: Any) -> Iterator[Callable[..., Any]]:
    """Return what examines a server that has a given certificate."""

    def examined(context: ssl.SSLContext | None, play: str = "refused_503", **options: Any) -> Any:
        options.setdefault("ca_file", str(tls.ca_file))
        with HostileServer(play, tls=context) as server:
            url = server.url.replace("ws://", "wss://")
            return look("infinex", url, **options)

    return examined


def test_an_expired_certificate_is_told_with_its_end(served: Any, tls: Any) -> None:
    """It is looked at though it was refused; the venue must renew it."""
    end = NOW - timedelta(days=3)
    context = server_context(tls, not_before=NOW - timedelta(days=9), not_after=end)
    seen = served(context)
    assert seen["TLS"].verdict.value == "failed"
    assert f"the certificate has expired, on {end:%Y-%m-%d}" in seen["TLS"].said
    assert "Testing CA" in seen["TLS"].said
    assert "renew" in seen["TLS"].advice
    assert seen["TLS"].facts["fault"] == "expired"
    assert seen["upgrade"].said == "TLS failed above"


def test_a_certificate_of_tomorrow_is_a_matter_of_the_clock(served: Any, tls: Any) -> None:
    """A machine whose clock is behind sees all new certificates so."""
    start, end = NOW + timedelta(days=2), NOW + timedelta(days=9)
    seen = served(server_context(tls, not_before=start, not_after=end))
    assert f"not valid yet, before {start:%Y-%m-%d}" in seen["TLS"].said
    assert "clock" in seen["TLS"].advice


def test_a_certificate_of_another_host_names_both(served: Any, tls: Any) -> None:
    """Who was asked for, and who answered."""
    seen = served(server_context(tls, host="portal.example.org"))
    assert seen["TLS"].verdict.value == "failed"
    assert "for portal.example.org, not 127.0.0.1" in seen["TLS"].said
    assert "answers in the venue's place" in seen["TLS"].advice


def test_an_unknown_authority_is_named_and_the_option_with_it(served: Any) -> None:
    """A box that opens TLS shows as the issuer; ca_file= is what the SDK has for it."""
    import trustme

    box = trustme.CA(organization_name="Corporate Firewall")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    box.issue_cert("127.0.0.1").configure_cert(context)
    seen = served(context)
    assert seen["TLS"].facts["fault"] == "unknown authority"
    assert "issued by" in seen["TLS"].said
    assert "Corporate Firewall" in seen["TLS"].said
    assert "ca_file=" in seen["TLS"].advice
    assert "--ca-file" in seen["TLS"].advice


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return a server's context with a certificate that only itself vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "made at home")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=9))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (folder / "home.pem").write_bytes(text + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "home.pem")
    return context


def test_a_self_signed_certificate_is_told(served: Any, tmp_path: Path) -> None:
    """Nobody vouches for it; whoever trusts it gives its file."""
    seen = served(self_signed(tmp_path))
    assert seen["TLS"].facts["fault"] == "self-signed"
    assert "made at home, issued by itself" in seen["TLS"].said
    assert "ca_file=" in seen["TLS"].advice


@pytest.mark.parametrize(
    ("play", "fault", "advice"),
    [
        ("plain_text_on_tls", "not TLS", "without TLS"),
        ("stalled_handshake", "unanswered", "load balancer that hangs"),
    ],
)
def test_what_is_no_tls_at_all_is_told(served: Any, play: str, fault: str, advice: str) -> None:
    """Plain text, and silence."""
    seen = served(None, play, timeout=0.2)
    assert seen["TLS"].verdict.value == "failed"
    assert seen["TLS"].facts["fault"] == fault
    assert advice in seen["TLS"].advice


def test_a_server_that_hangs_up_is_told(look: Any, tls: Any) -> None:
    """A filter by host name ends the connection as soon as it has read it."""

    def hang_up(peer: Any) -> None:
        peer.socket.recv(65536)

    with HostileServer(hang_up) as server:
        seen = look("infinex", server.url.replace("ws://", "wss://"), ca_file=str(tls.ca_file))
    assert seen["TLS"].facts["fault"] == "hung up"
    assert "filters by host name" in seen["TLS"].advice


@pytest.mark.parametrize("fault", TlsFault)
def test_each_way_to_fail_has_its_advice(fault: TlsFault) -> None:
    """None is left without words."""
    said, advice = TLS_ADVICE[fault]
    assert said
    assert advice.endswith(".")


def test_a_certificate_that_soon_ends_is_a_warning(served: Any, tls: Any) -> None:
    """It still works, and the venue should hear of it."""
    end = NOW + timedelta(days=5, hours=1)
    seen = served(server_context(tls, not_after=end))
    assert seen["certificate"].verdict.value == "warning"
    assert "5 days left" in seen["certificate"].said
    assert f"ends {end:%Y-%m-%d}" in seen["certificate"].said
    assert "before nobody can connect" in seen["certificate"].advice
    assert seen["upgrade"].verdict.value == "failed"


def test_a_file_of_authorities_that_is_none_is_told(served: Any, tls: Any) -> None:
    """ca_file= may name what holds no certificate."""
    seen = served(server_context(tls), ca_file=__file__)
    assert seen["TLS"].verdict.value == "failed"
    assert "ca_file" in seen["TLS"].said

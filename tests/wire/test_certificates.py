"""Certificates as people want to see them."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone

from venuesdk.wire.certificates import Certificate, chain_of, openssl, trusted_authorities
from venuesdk.wire.tls import file_context


class Told:
    """Stands for one certificate of the object inside."""

    def __init__(self, **info):
        self.info = info

    def get_info(self):
        return self.info


LEAF = Told(
    subject=((("commonName", "ws.venue.example"),),),
    issuer=((("organizationName", "Let's Encrypt"),), (("commonName", "R11"),)),
    notBefore="Jan  1 00:00:00 2026 GMT",
    notAfter="Mar 31 12:00:00 2026 GMT",
    subjectAltName=(("DNS", "ws.venue.example"), ("IP Address", "192.0.2.1")),
)


class Inside:
    def __init__(self, verified, sent):
        self.get_verified_chain = lambda: verified
        self.get_unverified_chain = lambda: sent


class Connection:
    """Stands for an ``SSLObject``: with or without what tells the whole chain."""

    def __init__(self, inside=None, own=None):
        if inside is not None:
            self._sslobj = inside
        self.own = own

    def getpeercert(self):
        return self.own


def test_a_certificate_is_told_with_names_and_times():
    """Subject and issuer with their organisation; both ends in UTC (X.509's own form)."""
    (leaf,) = chain_of(Connection(Inside([LEAF], [])))
    assert leaf.subject == "ws.venue.example"
    assert leaf.issuer == "R11 (Let's Encrypt)"
    assert leaf.not_before == datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert leaf.not_after == datetime(2026, 3, 31, 12, tzinfo=timezone.utc)
    assert leaf.names == ("ws.venue.example", "192.0.2.1")
    assert not leaf.self_signed
    assert leaf.days_left(leaf.not_after_seconds - 86_400.0) == 1.0


def test_who_was_verified_and_what_was_sent_are_two_chains():
    """The one up to the trusted authority, the other as the peer gave it; either may be empty."""
    connection = Connection(Inside([LEAF, LEAF], [LEAF]))
    assert len(chain_of(connection)) == 2
    assert len(chain_of(connection, verified=False)) == 1
    assert chain_of(Connection(Inside(None, None)), verified=False) == ()


def test_where_the_chain_is_not_told_the_own_certificate_is():
    """Of an unverified connection Python tells nothing in that case."""
    assert len(chain_of(Connection(own=LEAF.info))) == 1
    assert chain_of(Connection(own={}), verified=False) == ()


def test_a_name_is_what_there_is_of_it():
    """Common name, else unit, else organisation, else a word that there is none."""
    times = {"notBefore": "Jan  1 00:00:00 2026 GMT", "notAfter": "Jan  1 00:00:00 2027 GMT"}
    unit = Told(
        subject=((("organizationName", "O"),), (("organizationalUnitName", "U"),)),
        issuer=((("organizationName", "O"),),),
        **times,
    )
    bare = Told(subject=(), issuer=(), **times)
    named, nameless = chain_of(Connection(Inside([unit, bare], [])))
    assert (named.subject, named.issuer) == ("U (O)", "O")
    assert nameless.subject == "(no name)"
    assert isinstance(nameless, Certificate)
    assert nameless.self_signed


def test_the_trusted_authorities_are_counted(tls, monkeypatch):
    """A file of one has one; where the system keeps its own is what Python says."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
    found = trusted_authorities(file_context(tls.ca_file))
    assert found.loaded == 1
    assert found.file == str(tls.ca_file)


def test_openssl_is_named_with_its_version():
    """As the ssl module has it."""
    name, number = openssl()
    assert name == ssl.OPENSSL_VERSION
    assert len(number) == 3

"""Versions, environment and credentials: what is wrong with this machine."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from venuesdk.cli.checks import Finding, environment, versions
from venuesdk.cli.checks.machine import LIBRARIES, faults_of, judge_openssl, judge_version
from venuesdk.secret import Secret

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin without any variable that is looked at."""
    proxies = [f"{kind}_proxy" for kind in ("http", "https", "all", "no")]
    trust = ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
    for name in (*proxies, *map(str.upper, proxies), *trust, "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    return


def found(**options: Any) -> list[Finding]:
    """Return what is found in the environment."""
    return list(environment(options.get("ca_file"), options.get("environment_proxy", False)))


def worst(findings: list[Finding]) -> Finding:
    """Return the one finding that is not fine."""
    (one,) = [one for one in findings if one.verdict.value != "ok"]
    return one


def test_what_runs_here_is_good() -> None:
    """All libraries are there, and told with their versions."""
    findings = list(versions())
    assert {one.verdict.value for one in findings} == {"ok"}
    assert set(findings[-1].facts["libraries"]) == set(LIBRARIES)
    assert "Python" in findings[0].said
    assert "SSL" in findings[1].said


def test_the_libraries_are_those_that_are_installed_with_the_package() -> None:
    """The table says what setup.cfg says."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted = {}
    for line in setup["options"]["install_requires"].split("\n"):
        name, _, rest = line.partition(">=")
        if rest:
            wanted[name.strip()] = re.split("[,<]", rest)[0]
    assert wanted == LIBRARIES


@pytest.mark.parametrize(
    ("version", "said", "advice"),
    [
        ("1.9.2", None, None),
        ("1.8.0", None, None),
        ("1.10", None, None),
        ("1.9.1", "broken release", "1.9.2"),
        ("1.7.9", "too old", ">=1.8.0"),
        ("1", "too old", ">=1.8.0"),
        (None, "not installed", ">=1.8.0"),
    ],
)
def test_a_library_is_judged_by_its_version(
    version: str | None, said: str | None, advice: str | None
) -> None:
    """Too old, known to be broken, or missing: what to install is said."""
    finding = judge_version("websocket-client", version, "1.8.0")
    if said is None or advice is None:
        assert finding is None
        return
    assert finding is not None
    assert finding.verdict.value == "failed"
    assert said in finding.said
    assert finding.advice.startswith("pip install 'websocket-client")
    assert advice in finding.advice


@pytest.mark.parametrize(
    ("name", "number", "verdict"),
    [
        ("OpenSSL 3.0.19", (3, 0, 0), "ok"),
        ("OpenSSL 1.1.1w", (1, 1, 1), "warning"),
        ("OpenSSL 1.0.2u", (1, 0, 2), "failed"),
        ("LibreSSL 3.3.6", (2, 0, 0), "ok"),
    ],
)
def test_openssl_is_judged_by_its_age(name: str, number: tuple[int, ...], verdict: str) -> None:
    """Without TLS 1.3 it is too old; before 3.0 nobody mends it."""
    assert judge_openssl(name, number).verdict.value == verdict


def test_a_plain_environment_is_fine() -> None:
    """No proxy, and authorities of the system."""
    said = [one.said for one in found()]
    assert said[0] == "no proxy variable is set"
    assert "are trusted" in said[1]


def test_a_proxy_that_is_set_and_not_used_is_told(
    monkeypatch: pytest.MonkeyPatch, canaries: Any
) -> None:
    """By its name and place; its password is left out, and how to use it is said."""
    monkeypatch.setenv("https_proxy", f"http://me:{canaries.api_secret}@proxy.example:3128")
    monkeypatch.setenv("no_proxy", "localhost")
    finding = worst(found())
    assert finding.verdict.value == "warning"
    assert "https_proxy=http://proxy.example:3128" in finding.said
    assert "no_proxy=localhost" in finding.said
    assert "--environment-proxy" in finding.advice
    assert canaries.found_in(repr(finding)) == []
    used = found(environment_proxy=True)[0]
    assert used.verdict.value == "ok"
    assert "used, as was asked for" in used.said


def test_a_proxy_of_another_kind_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, canaries: Any
) -> None:
    """What cannot be read as a proxy's URL may be anything."""
    monkeypatch.setenv("all_proxy", f"socks5://me:{canaries.api_secret}@proxy.example:1080")
    finding = worst(found())
    assert "all_proxy=(not http://host:port)" in finding.said
    assert canaries.found_in(repr(finding)) == []


def test_authorities_that_are_not_there_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SSL_CERT_FILE that names nothing fails every TLS connection."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    finding = worst(found())
    assert finding.verdict.value == "failed"
    assert "gone.pem" in finding.said
    assert "Unset SSL_CERT_FILE" in finding.advice


def test_variables_of_other_programs_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """REQUESTS_CA_BUNDLE changes nothing here, unless ours is set beside it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/somewhere.pem")
    finding = worst(found())
    assert finding.verdict.value == "warning"
    assert "does not read REQUESTS_CA_BUNDLE" in finding.said
    assert "SSL_CERT_FILE" in finding.advice
    monkeypatch.setenv("SSL_CERT_FILE", __file__)
    assert {one.verdict.value for one in found()} == {"ok"}


def test_a_log_of_keys_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SSLKEYLOGFILE opens all traffic to whoever reads the file."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    finding = worst(found())
    assert finding.verdict.value == "warning"
    assert "unset SSLKEYLOGFILE" in finding.advice


def test_a_file_of_authorities_is_told() -> None:
    """With ca_file nothing else is trusted."""
    assert "and no others" in found(ca_file="/ca.pem")[1].said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("plain-token", []),
        ("token\n", ["white space"]),
        (" token", ["white space"]),
        ("to\nken", ["line break"]),
        ('"token"', ["quotes"]),
        ("“token”", ["quotes", "ASCII"]),
        ("${TOKEN}", ["not replaced"]),
        ("$TOKEN", ["not replaced"]),
        ("%TOKEN%", ["not replaced"]),
        ("Bearer token", ["Bearer"]),
    ],
)
def test_what_copying_does_to_a_credential_is_seen(value: str, said: list[str]) -> None:
    """And said without a character of it."""
    faults = faults_of(Secret(value))
    assert len(faults) == len(said)
    assert all(part in fault for part, fault in zip(said, faults, strict=True))
    assert all("token" not in fault.lower() for fault in faults)


def test_credentials_are_told_by_name_alone(
    look: Any, monkeypatch: pytest.MonkeyPatch, canaries: Any, closed_port: int
) -> None:
    """Set, set with quotes around, empty; and the network is looked at all the same."""
    monkeypatch.setenv("VENUESDK_FUZE_API_KEY", f"'{canaries.api_key}'")
    monkeypatch.setenv("VENUESDK_FUZE_API_SECRET", "")
    seen = look("fuze", f"ws://127.0.0.1:{closed_port}/")
    quoted, empty = seen.all("credentials")
    assert (quoted.verdict.value, empty.verdict.value) == ("warning", "failed")
    assert "VENUESDK_FUZE_API_KEY is set, but is in quotes" in quoted.said
    assert "Copy it anew" in quoted.advice
    assert "VENUESDK_FUZE_API_SECRET is empty" in empty.said
    assert "export VENUESDK_FUZE_API_SECRET" in empty.advice
    assert seen["TCP"].verdict.value == "failed"


def test_what_is_missing_fails_only_a_venue_that_was_named(look: Any, closed_port: int) -> None:
    """Where all venues are looked at, those without credentials are looked at up to the login."""
    url = f"ws://127.0.0.1:{closed_port}/"
    assert look("onyx", url)["credentials"].verdict.value == "failed"
    swept = look("onyx", url, named=False)["credentials"]
    assert (swept.verdict.value, "up to the login" in swept.said) == ("skipped", True)
    optional = look("infinex", url)["credentials"]
    assert (optional.verdict.value, "public" in optional.said) == ("skipped", True)

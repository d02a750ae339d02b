"""What can be wrong with this machine before anything is connected: versions and environment.

And with the credentials, of which only names are told: never a value, nor how long it is.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.request import getproxies_environment

from ..._version import __version__
from ...secret import Secret
from ...timing import Deadline
from ...wire.certificates import openssl, trusted_authorities
from ...wire.endpoint import Proxy
from ...wire.tls import default_context
from .finding import Finding, failed, ok, skipped, warning
from .visit import Visit

__all__ = [
    "LIBRARIES",
    "credentials",
    "environment",
    "faults_of",
    "judge_openssl",
    "judge_version",
    "versions",
]

LIBRARIES: Mapping[str, str] = {
    "websocket-client": "1.8.0",
    "requests": "2.33.0",
    "urllib3": "2.7.0",
    "attrs": "24.2.0",
    "cattrs": "24.1.0",
    "msgspec": "0.19.0",
}
"""What the SDK runs on, and the oldest release of each that it was tried with."""
BROKEN: Mapping[str, tuple[str, str]] = {
    "websocket-client": ("1.9.1", "1.9.2"),
}
"""Releases that are known to be broken, and the one that mends them."""
OLDEST_PYTHON = (3, 10)
OLDEST_OPENSSL = (1, 1, 1)
CURRENT_OPENSSL = (3, 0, 0)
"""Before it nobody mends OpenSSL any more."""

TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")
UNREAD_TRUST = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
KEY_LOG = "SSLKEYLOGFILE"


def versions() -> Iterator[Finding]:
    """Look at Python, OpenSSL and the libraries."""
    python = platform.python_version()
    if sys.version_info[:2] < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        yield failed(f"Python {python}", f"The SDK needs Python {wanted} or newer.", python=python)
    else:
        system = f"{platform.system()} {platform.release()}"
        said = f"venuesdk {__version__}, {platform.python_implementation()} {python}, {system}"
        yield ok(said, python=python, venuesdk=__version__)
    yield judge_openssl(*openssl())
    good: dict[str, str] = {}
    for name, oldest in LIBRARIES.items():
        found = _installed(name)
        wrong = judge_version(name, found, oldest)
        if wrong is None:
            good[name] = found or ""
        else:
            yield wrong
    yield ok(", ".join(f"{name} {found}" for name, found in good.items()), libraries=good)


def judge_version(name: str, found: str | None, oldest: str) -> Finding | None:
    """Return what is wrong with a library's version, None where nothing is."""
    if found is None:
        return failed(
            f"{name} is not installed", f"pip install '{name}>={oldest}'", library=name, version=""
        )
    bad, mended = BROKEN.get(name, ("", ""))
    if found == bad:
        return failed(
            f"{name} {found} is a broken release", f"pip install '{name}>={mended}'",
            library=name, version=found,
        )  # fmt: skip
    if _numbers(found) < _numbers(oldest):
        return failed(
            f"{name} {found} is too old", f"pip install '{name}>={oldest}'",
            library=name, version=found,
        )  # fmt: skip
    return None


def judge_openssl(name: str, number: tuple[int, ...]) -> Finding:
    """Return what is to be said of the library that does TLS."""
    if not name.startswith("OpenSSL"):
        return ok(f"{name}, which is not OpenSSL itself", openssl=name)
    if number < OLDEST_OPENSSL:
        return failed(name, "It is too old for TLS 1.3: use a newer build of Python.", openssl=name)
    if number < CURRENT_OPENSSL:
        advice = "Its faults are mended no more: use a build of Python with OpenSSL 3."
        return warning(name, advice, openssl=name)
    return ok(name, openssl=name)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def environment(ca_file: str | None, environment_proxy: bool) -> Iterator[Finding]:
    """Look at what the environment says of proxies, authorities and keys."""
    yield from _proxies(environment_proxy)
    yield from _trust(ca_file)
    if os.environ.get(KEY_LOG):
        yield warning(
            f"{KEY_LOG} is set: Python writes the keys of every TLS connection into that file",
            f"Who can read it can read all traffic, credentials too: unset {KEY_LOG}.",
        )


def _proxies(used: bool) -> Iterator[Finding]:
    """Tell the variables by name; a proxy's URL may hold a password, which is left out."""
    named = {name: url for name, url in getproxies_environment().items() if url}
    if not named:
        yield ok("no proxy variable is set", proxies=[])
        return
    exempt = named.pop("no", "")
    told = [f"{name}_proxy={_proxy_text(url)}" for name, url in sorted(named.items())]
    if exempt:
        told.append(f"no_proxy={exempt}")
    said = ", ".join(told)
    if not named:
        yield ok(said, proxies=[])
    elif used:
        yield ok(f"{said}: used, as was asked for", proxies=sorted(named))
    else:
        yield warning(
            f"{said}: set, and not used",
            "Clients go through it only with environment_proxy=True (here: --environment-proxy). "
            "Where this machine gets out through the proxy alone, that is what is missing.",
            proxies=sorted(named),
        )


def _proxy_text(url: str) -> str:
    try:
        return Proxy.parse(url).url
    except ValueError:
        return "(not http://host:port)"


def _trust(ca_file: str | None) -> Iterator[Finding]:
    if ca_file is not None:
        yield ok(f"the authorities of {ca_file} are trusted, and no others", ca_file=ca_file)
        return
    chosen = [name for name in TRUST if os.environ.get(name)]
    unread = [name for name in UNREAD_TRUST if os.environ.get(name)]
    if unread and not chosen:
        yield warning(
            f"the SDK does not read {' and '.join(unread)}, which this environment sets",
            "For authorities of your own set SSL_CERT_FILE, or give ca_file=.",
        )
    for name in TRUST:
        place = os.environ.get(name)
        there = Path(place or ".").is_file() if name == TRUST[0] else Path(place or ".").is_dir()
        if place and not there:
            yield failed(
                f"{name}={place}, which is not there: no authority is trusted",
                f"Unset {name}, or let it name a file of authorities in PEM form.",
            )
            return
    authorities = trusted_authorities(default_context())
    if authorities.file is None and authorities.folder is None and not authorities.loaded:
        yield failed(
            "this system has no authorities to trust",
            "Install them (Debian: apt install ca-certificates; macOS: run 'Install "
            "Certificates.command'), or set SSL_CERT_FILE.",
        )
        return
    place = authorities.file or authorities.folder or "the system's store"
    said = f"the authorities of {place} are trusted"
    yield ok(f"{said} ({', '.join(chosen)})" if chosen else said, authorities=place)


def credentials(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Look at where each credential comes from, and for what copying does to one."""
    subject = visit.subject
    known = subject.client_class.credentials
    if not known:
        yield ok("this venue wants none")
    for name, variable in known.items():
        source = f"{name} (given)" if name in subject.credentials else variable
        secret = subject.credential(name)
        optional = name in subject.client_class.optional_credentials
        if secret is None:
            yield _missing(variable, variable in os.environ, optional, subject.named)
            continue
        faults = faults_of(secret)
        if faults:
            yield warning(
                f"{source} is set, but {', '.join(faults)}",
                "Copy it anew, without quotes and without the line break behind it: it is sent "
                "exactly as it is.",
                credential=name,
            )
        else:
            yield ok(f"{source} is set", credential=name)


def _missing(variable: str, empty: bool, optional: bool, named: bool) -> Finding:
    said = f"{variable} is {'empty' if empty else 'not set'}"
    if optional:
        return skipped(f"{said}: what is public works without")
    if not named:
        return skipped(f"{said}: looked at up to the login")
    return failed(
        f"{said}, and the client needs it",
        f"Set it in the environment of this process: export {variable}=…, or EnvironmentFile= of "
        "the service; sudo and cron drop what your shell has.",
    )


def faults_of(secret: Secret) -> list[str]:
    """Say what looks wrong with a credential, and nothing else of it."""
    value = secret.reveal()
    looks = {
        "has white space at an end": value != value.strip(),
        "has a line break or a control character in it": not value.strip().isprintable(),
        "is in quotes": value.strip()[:1] in "\"'“‘`" and len(value.strip()) > 1,
        "has characters that are not ASCII": not value.isascii(),
        "is a variable that was not replaced": bool(re.match(r"\$\{?\w|%\w+%$", value.strip())),
        "begins with 'Bearer', which the client needs not": value.lower().startswith("bearer "),
    }
    return [text for text, found in looks.items() if found]

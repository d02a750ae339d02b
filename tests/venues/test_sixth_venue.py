"""A venue that nobody tested is tested: by `test_every_venue.py`, as soon as it is there.

The made-up venue of this module is added to a copy of the product: a folder, a simulator and a
tape, and no line elsewhere. The suite is then run there as its author would run it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SUITE = "tests/venues/test_every_venue.py"
SHARED = [
    path.relative_to(ROOT).as_posix()
    for folder in ("tests", "tests/fuzzing")
    for path in (ROOT / folder).glob("*.py")
    if not path.name.startswith("test_")
]
"""What the suite is made with."""

CODEC = '''
"""Sixth's protocol."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Mapping, Sequence
from typing import Any, ClassVar

from ...errors import AuthenticationError, InvalidRequest, ProtocolError, RequestRejected
from ...protocol.catalogue import Catalogue
from ...protocol.codec import Codec, Event, Message, Rejection, Request, Response, Topic
from ...protocol.convert import Raw, Wire, decoder, encode_json
from .models import Tick

__all__ = ["SixthCodec"]


class Frame(Wire, frozen=True):
    """Every frame."""

    id: int | None = None
    ok: bool | None = None
    value: Raw = Raw(b"null")
    code: int | None = None
    tick: Raw = Raw(b"")


_read_frame = decoder(Frame)
_read_tick = decoder(Tick)


class SixthCodec(Codec):
    """What Sixth makes of requests and frames."""

    venue: ClassVar[str] = "sixth"
    url: ClassVar[str] = "wss://sixth.example/socket"
    rejections: ClassVar[Mapping[Any, type[RequestRejected]]] = {
        1: AuthenticationError,
        2: InvalidRequest,
    }
    catalogue: ClassVar[Catalogue] = Catalogue({"tick": _read_tick})

    def opening(self) -> Generator[Request, bytes, None]:
        """Yield the login."""
        yield Request("login")

    def encode(self, id: int, request: Request) -> str:
        """Return the frame that asks `request`."""
        frame = {"id": id, "do": request.method, **request.fields}
        if request.method == "login":
            frame["key"] = self.credentials["api_key"]
        return encode_json(frame, reveal=request.method == "login")

    def decode(self, frame: bytes) -> Sequence[Message]:
        """Return what a frame says."""
        said = _read_frame(frame)
        if bytes(said.tick):
            return (Event("ticks", bytes(said.tick), _read_tick),)
        if said.id is None:
            raise ProtocolError("neither an answer nor a tick", venue=self.venue, frame=frame)
        if said.ok:
            return (Response(said.id, bytes(said.value)),)
        return (Rejection(said.id, self.rejection(said.code, "no")),)

    def subscribe(self, topics: Sequence[Topic], options: Mapping[str, Any]) -> Request:
        """Return the request that starts a topic."""
        return Request("start", {"what": topics[0].name}, topics=tuple(topics))

    def unsubscribe(self, topic: Topic, route: Hashable | None) -> Request | None:
        """Return the request that stops a topic."""
        return Request("stop", {"what": topic.name}, topics=(topic,))
'''

MODELS = '''
"""What Sixth sends."""

from __future__ import annotations

from decimal import Decimal

from attrs import frozen

__all__ = ["Tick"]


@frozen
class Tick:
    """One price."""

    price: Decimal
'''

CLIENT = '''
"""SixthClient."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...client import Client, ClientOptions, Credential, SubscribeOptions
from ...protocol.codec import Request, Topic
from ...protocol.convert import decode_json
from .codec import SixthCodec
from .models import Tick

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...session.subscription import Subscription

__all__ = ["SixthClient"]


class SixthClient(
    Client, venue="sixth", codec=SixthCodec, credentials={"api_key": "VENUESDK_SIXTH_API_KEY"}
):
    """Talk to Sixth; without `api_key` the variable ``VENUESDK_SIXTH_API_KEY`` is read."""

    def __init__(
        self, *, api_key: Credential | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        super().__init__({"api_key": api_key}, **options)

    def echo(self, what: Any, *, timeout: float | None = None) -> Any:
        """Return what was sent.

        Blocks until the answer.
        """
        return self._request(Request("echo", {"what": what}), decode_json, timeout)

    def subscribe_ticks(
        self,
        callback: Callable[[Tick], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[Tick]:
        """Start the ticks.

        Blocks until the venue has confirmed it.
        """
        ticks = Topic(key="ticks", name="ticks", spec="ticks", route="ticks")
        return self._subscribe(ticks, callback, options)
'''

SIMULATOR = '''
"""Sixth, simulated."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from venuesdk.testing.server import Connection, SimulatedVenue

__all__ = ["SimulatedSixth"]


class SimulatedSixth(SimulatedVenue):
    """Sixth on loopback."""

    name = "sixth"
    path = "/socket"

    def __init__(self, *, api_key: str = "simulated-sixth-key", **options: Any) -> None:
        super().__init__(**options)
        self.credentials = {"api_key": api_key}

    def opened(self, connection: Connection) -> None:
        """Begin without a login."""
        connection.memory = set()

    def on_text(self, connection: Connection, text: str) -> None:
        """Answer one request."""
        request = json.loads(text)
        what = request.get("what")
        key = self.credentials["api_key"]
        answer: dict[str, Any] = {"id": request["id"], "ok": True, "value": what}
        if request["do"] == "login" and (self.login_refused or request["key"] != key):
            answer = {"id": request["id"], "ok": False, "code": 1}
        elif request["do"] == "start":
            connection.memory.add(what)
        elif request["do"] == "stop":
            connection.memory.discard(what)
        connection.respond(answer)

    def events_for(self, connection: Connection) -> Iterable[object]:
        """Tick."""
        if "ticks" in connection.memory:
            yield {"tick": {"price": "1.50"}}
'''

PACKAGE = '''
"""Sixth."""

from __future__ import annotations

from .client import SixthClient
from .codec import SixthCodec
from .models import Tick

__all__ = ["SixthClient", "SixthCodec", "Tick"]
'''


def out(frame: str, id: int, call: str, **arguments: object) -> dict[str, object]:
    """Return a line for what a call sends."""
    expect = {"id": id, "call": call, "arguments": arguments}
    return {"source": "Zeta document", "direction": "out", "frame": frame, "expect": expect}


def into(frame: str, **expect: object) -> dict[str, object]:
    """Return a line for what a frame means."""
    return {"source": "Zeta document", "direction": "in", "frame": frame, "expect": expect}


TAPE = "\n".join(
    json.dumps(line)
    for line in [
        {"credentials": {"api_key": "the key"}},
        out('{"id": 1, "do": "login", "key": "the key"}', 1, "opening"),
        out('{"id": 2, "do": "echo", "what": [1.5, "1.50"]}', 2, "echo", what=[1.5, "1.50"]),
        out('{"id": 3, "do": "start", "what": "ticks"}', 3, "subscribe_ticks"),
        into('{"id": 1, "ok": true}', kind="login", error=None),
        into('{"id": 1, "ok": false, "code": 1}', kind="login", error="AuthenticationError"),
        into('{"id": 2, "ok": true, "value": 1.50}', kind="response", id=2, payload=1.5),
        into('{"id": 2, "ok": false, "code": 2}', kind="rejection", id=2, error="InvalidRequest"),
        into('{"tick": {"price": "1.50"}}', kind="event", type="Tick", fields={"price": "1.50"}),
    ]
)

FILES: Mapping[str, str] = {
    "venuesdk/venues/sixth/__init__.py": PACKAGE,
    "venuesdk/venues/sixth/codec.py": CODEC,
    "venuesdk/venues/sixth/models.py": MODELS,
    "venuesdk/venues/sixth/client.py": CLIENT,
    "venuesdk/testing/sims/sixth.py": SIMULATOR,
    "tests/tapes/sixth.jsonl": TAPE,
}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., dict[str, set[str]]]:
    """Add the venue to a copy of the product, and run the suite over it there."""

    def run(files: Mapping[str, str], which: str = "sixth") -> dict[str, set[str]]:
        shutil.copytree(ROOT / "venuesdk", tmp_path / "venuesdk")
        for name in ("setup.cfg", SUITE, *SHARED):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", SUITE, "-k", which, "-rA", "--tb=line", "-q"],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=50,
        )
        found: dict[str, set[str]] = {"PASSED": set(), "FAILED": set(), "ERROR": set()}
        for outcome, test in re.findall(
            rf"^(PASSED|FAILED|ERROR) {SUITE}(?:::(\w+).*)?$", done.stdout, re.MULTILINE
        ):
            found[outcome].add(test)
        found["PASSED"] -= found["FAILED"] | found["ERROR"]
        print(done.stdout, done.stderr)
        return found

    return run


def checks() -> set[str]:
    """Return the names of the tests that run once for each venue."""
    source = (ROOT / SUITE).read_text(encoding="utf-8")
    decorated = r"^((?:@.+\n)*)@for_each\(\w+\)\n(?:@.+\n|    .*\n|\)\n)*def (test_\w+)"
    found = re.findall(decorated, source, re.MULTILINE)
    return {test for before, test in found if "mark.long" not in before}


def test_a_new_venue_is_tested_before_its_author_writes_a_test(run) -> None:
    """A folder, a simulator and a tape are all it takes for every check to run, and to pass."""
    found = run(FILES)
    assert not found["FAILED"] | found["ERROR"]
    assert len(checks()) >= 20
    assert found["PASSED"] == checks() | {"test_a_frame_of_the_documents_means_what_the_tape_says"}


DEFECTS: Mapping[str, tuple[str, str, str]] = {
    # the test that finds it: (the file, what stood there, what stands there now)
    "test_a_frame_of_the_documents_means_what_the_tape_says": (
        "tests/tapes/sixth.jsonl",
        '[1.5, \\"1.50\\"]}',
        '[1.50, \\"1.50\\"]}',
    ),
    "test_every_public_method_says_that_it_blocks_and_takes_a_timeout": (
        "venuesdk/venues/sixth/client.py",
        "what: Any, *, timeout: float | None = None",
        "what: Any, timeout: float | None = None",
    ),
    "test_whatever_stands_in_a_frame_is_a_value_or_a_venue_error": (
        "venuesdk/venues/sixth/codec.py",
        'self.rejection(said.code, "no")',
        'self.rejections[said.code]("no", venue="sixth", code=said.code)',
    ),
    "test_a_refused_login_is_an_authentication_error": (
        "venuesdk/venues/sixth/codec.py",
        '        yield Request("login")',
        '        try:\n            yield Request("login")\n        except RequestRejected:\n'
        "            return",
    ),
    "test_no_credential_is_shown": (
        "venuesdk/venues/sixth/client.py",
        "    def echo(",
        "    def __repr__(self):\n"
        "        return f\"<SixthClient {self._resolve_credentials()['api_key'].reveal()}>\"\n\n"
        "    def echo(",
    ),
    "test_a_venue_is_called_the_same_everywhere": (
        "venuesdk/venues/sixth/client.py",
        "VENUESDK_SIXTH_API_KEY",
        "SIXTH_KEY",
    ),
    "test_another_process_can_read_what_a_client_receives": (
        "venuesdk/venues/sixth/codec.py",
        '    catalogue: ClassVar[Catalogue] = Catalogue({"tick": _read_tick})\n',
        "",
    ),
    "test_a_missing_credential_is_named": (
        "venuesdk/venues/sixth/client.py",
        "Client, venue",
        'Client, optional_credentials=("api_key",), venue',
    ),
}


@pytest.mark.long
def test_what_is_wrong_with_a_new_venue_is_found(run) -> None:
    """Each defect of a careless author is found by the check that is there for it."""
    files = dict(FILES)
    for file, good, bad in DEFECTS.values():
        assert good in files[file]
        files[file] = files[file].replace(good, bad)
    found = run(files, " or ".join(f"(sixth and {name})" for name in [*DEFECTS, "tape_covers"]))
    assert DEFECTS.keys() == found["FAILED"]
    assert found["PASSED"] == {"test_the_tape_covers_the_venue"}


@pytest.mark.long
def test_a_new_venue_without_a_tape_is_found(run) -> None:
    """A venue whose author forgot the tape fails, rather than being tested less."""
    files = {name: text for name, text in FILES.items() if not name.startswith("tests/")}
    found = run(files, "sixth and (covers or missing or table)")
    assert "test_the_tape_covers_the_venue" in found["FAILED"]
    assert "test_every_refusal_in_the_table_is_a_rejection" in found["PASSED"]

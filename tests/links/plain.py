"""The program beside which the client is measured: plain websocket-client, as it is mostly used.

Two `WebSocketApp`, one with ``ping_interval=10, ping_timeout=5``, the other without pings. It
reports the first time that each is told that its connection is gone.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import websocket
from links.program import commands, report

SETTING = json.loads(sys.argv[1])
PINGS = {"ping 10/5": {"ping_interval": 10, "ping_timeout": 5}, "no ping": {}}
SUBSCRIBE = {"type": "SUBSCRIBE", "requestId": "1", "pattern": "/orderbook.raw/ETHAUDT"}
BALANCES = {
    "type": "REST",
    "requestId": "2",
    "stream": "/get/trading/balances",
    "payload": {},
    "auth": {"id": SETTING["api_id"], "secret": SETTING["api_secret"]},
}


class Plain:
    """One connection of websocket-client, on a thread of its own."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self._name = name
        self._lost = False
        self._app = websocket.WebSocketApp(
            SETTING["url"],
            on_open=lambda app: report("open", id=name),
            on_message=lambda app, message: report("message", id=name),
            on_error=lambda app, error: self._gone(type(error).__name__),
            on_close=lambda app, code, reason: self._gone("on_close"),
        )
        self._options = options

    def run(self) -> None:
        """Stay connected until the library gives up."""
        self._app.run_forever(sslopt={"ca_certs": SETTING["ca_file"]}, **self._options)
        self._gone("run_forever returned")

    def send(self, message: dict[str, Any]) -> None:
        """Send as the library does: without a limit of time."""
        self._app.send(json.dumps(message))

    def _gone(self, how: str) -> None:
        if not self._lost:
            self._lost = True
            report("lost", id=self._name, how=how)


def main() -> None:
    """Obey until standard input ends."""
    apps = [Plain(name, options) for name, options in PINGS.items()]
    report("ready")
    for command in commands():
        for app in apps:
            if command["do"] == "connect":
                threading.Thread(target=app.run, daemon=True).start()
            elif command["do"] == "subscribe":
                app.send(SUBSCRIBE)
            elif command["do"] == "read":
                app.send(BALANCES)


if __name__ == "__main__":
    main()

"""The simulated venues, one module each, found by its name; no code is shared with the clients.

A venue is one module `venuesdk/testing/sims/<name>.py` with one class:

    class SimulatedOnyx(SimulatedVenue):
        name = "onyx"                     # registers it: simulate("onyx")
        path = "/stream/v1"               # the documented path of the WebSocket URL
        has_http = False                  # True: `on_http` answers on `http_url`
        faults = (*FAULTS, "my_fault")    # only where the venue adds a fault: a method

        def __init__(self, *, auth_deadline: float = 5.0, **options: Any) -> None:
            super().__init__(**options)   # seed tls interval clock host port http_port
            self.token = "..."
            self.credentials = {"token": self.token}     # the client's keyword arguments
            self.market = Market(self.seed, {...})

        # hooks; all but on_text are optional
        def admit(self, connection) -> Refusal | None    # the handshake: path, query, headers
        def opened(self, connection) -> None             # set connection.memory here
        def on_text(self, connection, text) -> None      # one message from the client
        def closed(self, connection) -> None
        def on_http(self, request) -> HttpReply          # HttpRequest: method path headers body
        def step(self) -> None                           # the market moves one step
        def events_for(self, connection) -> Iterable[object]   # what that step tells this one

Every hook runs with the venue's one lock held, one hook at a time: a venue's state needs no lock
of its own, and a hook must never block. Sending only queues, so a hook may send as it likes.

    connection.respond(message)   an answer to a request: str is sent verbatim, else as JSON;
                                  the `reorder` fault holds these back, and only these
    connection.event(message)     anything that answers no request
    connection.close(code, reason) / connection.drop()
    connection.memory             the venue's own state of this connection (any object)
    connection.number  .path  .query (dict)  .headers (dict, lower case)  .is_open

    self.later(seconds, function) / self.every(seconds, function) -> Alarm with .cancel();
                                  the function is one more hook (a login's delay, a heartbeat)
    self.clock()                  Unix seconds as a float; the `clock` option replaces it
    self.random                   random.Random of the seed, for what is not the market
    self.login_refused            whether the `refuse_login` fault is on: obey it at login
    self.open_connections()       oldest first

`tick` calls `step` once, then sends each open connection its `events_for`. Whatever a venue's
documents do not say and a simulator must still decide is marked "invented" in its module.
"""

from __future__ import annotations

__all__: list[str] = []

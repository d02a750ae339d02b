"""Keys in a Redis Cluster: those of one office lie together, and only those."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from redis_server import RedisServer, has_redis
from sides import OFFICE, STREAM, consume, publish

from venuesdk.relay import EngineRefused
from venuesdk.relay.redis import RedisEngine


def free_port() -> int:
    """Return a port for the cluster's own talk: ten thousand above the other there may be none."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.long
@pytest.mark.skipif(not has_redis(), reason="redis-server is not installed")
def test_an_office_has_one_slot(tmp_path: Path) -> None:
    """Everything that a relay does with one office a cluster lets it do; two at once it refuses."""
    server = RedisServer(tmp_path, cluster_enabled="yes", cluster_port=str(free_port()))
    try:
        server.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        deadline = time.monotonic() + 20
        while "cluster_state:ok" not in str(server.ask("CLUSTER", "INFO")):
            assert time.monotonic() < deadline
            threading.Event().wait(0.1)
        engine = RedisEngine(server.url)
        publish(engine)
        consume(engine)
        keys = (STREAM, f"{STREAM}/lost", f"{OFFICE}:server_info", f"{OFFICE}/lease")
        assert len({server.ask("CLUSTER", "KEYSLOT", key) for key in keys}) == 1
        other = "venuesdk:{timex}:trades"
        engine.join(other, "desk", oldest=True)
        with pytest.raises(EngineRefused, match="slot"):
            engine.read([STREAM, other], "desk", "one", 1, 0.1)
        engine.close()
    finally:
        server.close()

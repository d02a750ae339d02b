"""Bytes on a socket: endpoints, streams, frames, WebSocket and HTTP connections.

Nothing here knows a venue, a codec or a session.
"""

from __future__ import annotations

__all__: list[str] = []

"""Infinex: the exchange's API by one call, over its multiplexing socket or over HTTP.

`InfinexClient` is the blocking client; the rest are the values and errors that its calls bring.
"""

from __future__ import annotations

from .client import InfinexClient
from .codec import InfinexCodec
from .models import Network, TwoFactorRequired

__all__ = ["InfinexClient", "InfinexCodec", "Network", "TwoFactorRequired"]

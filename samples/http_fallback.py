"""Infinex over its socket, and over HTTP while the socket is gone: the same call, either way.

What only reads is asked again over HTTP where the socket failed under it. An order is not, where a
byte of it may have left: you get the error, with ``outcome_unknown``.
"""

from venuesdk import InfinexClient
from venuesdk.testing import simulate

with (
    simulate("infinex") as venue,
    InfinexClient(url=venue.url, http_url=venue.http_url, api_key=venue.api_key) as client,
):
    print("over the socket:", [network.name for network in client.networks("USDT")])
    venue.refuse_connections()
    print("over HTTP:      ", [network.name for network in client.networks("USDT")])
    print("HTTP requests:  ", [request.path for request in venue.http_received])

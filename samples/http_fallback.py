"""Infinex over its socket, and over HTTP when the socket is gone: the same call, either way."""

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

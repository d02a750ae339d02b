"""Credentials from a keyring or a vault: give a callable, and it is asked for every connection.

So a credential that was changed is found by the next connection, and nothing is started anew. The
callable may block: ``connect()`` calls it on the thread that called ``connect()``, every later
connection has it called on a thread beside the reader. With the package keyring it would be
``lambda: keyring.get_password("onyx", "desk")``.
"""

import threading

from venuesdk import Backoff, OnyxClient, Secret
from venuesdk.testing import simulate

vault = {"onyx": "the-token-of-monday"}  # stands for the keyring


def token() -> Secret:
    secret = Secret(vault["onyx"])
    print("asked on", threading.current_thread().name, "for", secret)
    return secret


with (
    simulate("onyx", token=vault["onyx"]) as venue,
    OnyxClient(url=venue.url, token=token, reconnect=Backoff(initial=0.1)) as client,
    client.subscribe_server_info(on_gap=print) as infos,
):
    first = infos.get(timeout=5)
    vault["onyx"] = venue.token = "the-token-of-tuesday"
    venue.drop()
    for info in infos:
        if info.uid != first.uid:
            print("logged in again, connection", client.stats().epoch)
            break

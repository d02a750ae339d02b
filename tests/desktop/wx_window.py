"""A window of wxPython's under a stream, closed by a callback; then it is posted to as it ends."""

from __future__ import annotations

import gc
import json
import threading

import wx

from venuesdk import OnyxClient
from venuesdk.desktop import call_in_background, wx_poster
from venuesdk.testing import simulate

WANTED = 100


def main() -> None:
    """Show the window until it has seen enough; report what came, and where."""
    app = wx.App()
    post, here = wx_poster(), threading.get_ident()
    frame = wx.Frame(None)
    label = wx.StaticText(frame)
    elsewhere: list[bool] = []

    def show(event):
        elsewhere.append(threading.get_ident() != here)
        label.SetLabel(repr(event))
        if len(elsewhere) == WANTED:
            frame.Close()

    with simulate("onyx", interval=0.005) as venue:
        client = OnyxClient(url=venue.url, token=venue.token, delivery=post)

        def start():
            return client.connect().subscribe_tickers(show, products=["ebob"])

        def end(event):
            call_in_background(post, client.close)
            event.Skip()

        frame.Bind(wx.EVT_CLOSE, end)
        frame.Show()
        call_in_background(post, start)
        app.MainLoop()
        closed = client.wait(5)
    answers = post_until_refused(post, app)
    del app
    gc.collect()
    answers.join(10)
    report = {
        "seen": len(elsewhere) >= WANTED,
        "elsewhere": sum(elsewhere),
        "closed": closed,
        "refused": not answers.is_alive(),
    }
    print(json.dumps(report))


def post_until_refused(post, app):
    """Post from another thread as long as there is an application."""

    def keep_posting():
        while post(int):
            continue

    thread = threading.Thread(target=keep_posting, daemon=True)
    thread.start()
    app.Destroy()
    return thread


if __name__ == "__main__":
    main()

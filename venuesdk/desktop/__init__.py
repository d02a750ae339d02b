"""Desktop programs: callbacks on the one thread that may touch a window, whatever the toolkit.

Tk is polled: a client made with ``delivery="pump"`` is attached to a window by `attach_tk`. Every
other toolkit has a way to run a function on its thread, and a client is made with that as
``delivery=``: `qt_poster`, `wx_poster`, or any ``post`` that keeps this contract:

- ``post(function)`` lets the user interface's thread call ``function()`` once, soon, and returns
  at once: where it waited for that thread, closing the client there might never end.
- It may be called from any thread. A client calls it from its dispatch thread, once for a burst of
  events, and not again before that function has run; the reader never does.
- ``function()`` begins callbacks for 8 ms. What they raise goes to ``on_error``, but for
  `KeyboardInterrupt` and `SystemExit`, which it raises.
- What ``post`` raises goes to ``on_error``, and the next burst tries again. When there is no user
  interface any more it drops the function, and returns False rather than to raise.

So GTK's is ``GLib.idle_add``; that of WinForms, by pythonnet, is
``lambda function: form.BeginInvoke(Action(function))``, and that of WPF the same on a window's
``Dispatcher``.

What a callback waits for, such as a dialog that it opened, all later ones of its client wait for.
`call_in_background` is for calls that block, ``close()`` among them. For tables there is
``conflate=True``. No toolkit is imported before it is asked for, and nothing here knows a venue.
"""

from __future__ import annotations

from .background import Post, Poster, call_in_background
from .qt import qt_poster
from .tk import attach_tk
from .wx import wx_poster

__all__ = ["Post", "Poster", "attach_tk", "call_in_background", "qt_poster", "wx_poster"]

"""The poster of a wxPython application; wxPython itself is rarely installed, so there is a fake."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from venuesdk.desktop import wx_poster


class FakeWx(ModuleType):
    """The two functions of wx that count, as wxPython 4.2 has them."""

    def __init__(self) -> None:
        super().__init__("wx")
        self.app: object | None = object()
        self.deleted = False
        self.posted: list[Callable[[], None]] = []

    def GetApp(self) -> object | None:  # noqa: N802 - its name
        return self.app

    def CallAfter(self, function: Callable[[], None]) -> None:  # noqa: N802 - its name
        assert self.app is not None, "No wx.App created yet"
        if self.deleted:
            raise RuntimeError("wrapped C/C++ object of type App has been deleted")
        self.posted.append(function)


@pytest.fixture
def wx(monkeypatch: pytest.MonkeyPatch) -> FakeWx:
    """Return the fake, which is what `import wx` finds."""
    fake = FakeWx()
    monkeypatch.setitem(sys.modules, "wx", fake)
    return fake


def test_it_needs_an_application(wx: FakeWx) -> None:
    """Without a wx.App there is nothing to post to."""
    wx.app = None
    with pytest.raises(ValueError, match=r"wx\.App"):
        wx_poster()


def test_it_is_call_after_while_there_is_an_application(wx: FakeWx) -> None:
    """Functions go to CallAfter as they are."""
    post = wx_poster()
    assert post(print) is True
    assert wx.posted == [print]


def test_it_answers_false_when_the_application_has_ended(wx: FakeWx) -> None:
    """Whatever CallAfter would raise then."""
    post = wx_poster()
    wx.deleted = True
    assert post(print) is False
    wx.app = None
    assert post(print) is False
    assert wx.posted == []


def test_an_application_that_ends_meanwhile_is_no_error(wx: FakeWx) -> None:
    """It may end between the look and the call: then CallAfter asserts."""
    post = wx_poster()
    answers = [wx.app]
    wx.GetApp = lambda: answers.pop()  # type: ignore[method-assign]
    wx.app = None
    assert post(print) is False


@pytest.mark.skipif(not importlib.util.find_spec("wx"), reason="wxPython is not installed")
def test_a_real_window_is_brought_its_events(run_program: Any, display: str) -> None:
    """Callbacks run on its thread; closing it closes the client; posting at its end is safe."""
    report = run_program("wx_window.py", environment={"DISPLAY": display})
    assert report == {"seen": True, "elsewhere": 0, "closed": True, "refused": True}

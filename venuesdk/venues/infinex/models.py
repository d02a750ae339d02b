"""The values that Infinex's answers become, and the one refusal that only Infinex has.

No wire names and no decoding here.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...errors import RequestRejected

__all__ = ["Network", "TwoFactorRequired"]


@frozen
class Network:
    """A network that an asset can be moved on (Infinex document, ``/wallet/networks``).

    `name` is what other calls take as ``network``; `description` is for people to read;
    `icon_url` is a path on the venue's web site.
    """

    name: str
    description: str
    icon_url: str


class TwoFactorRequired(RequestRejected):
    """The venue wants a second factor, and has done nothing yet.

    `provider` is the venue's text about where the code comes from, such as
    ``Google Authenticator`` ("" where it has none). Make the same request again with the code
    in its parameter ``code_2fa``.
    """

    def __init__(
        self,
        message: str = "",
        *,
        venue: str = "",
        outcome_unknown: bool = False,
        code: int | str | None = None,
        request: Any = None,
        provider: str = "",
    ) -> None:
        super().__init__(
            message, venue=venue, outcome_unknown=outcome_unknown, code=code, request=request
        )
        self.provider = provider

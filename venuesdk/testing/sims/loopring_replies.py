"""How the simulated Loopring words its replies, in each of the forms that its documents print.

Pure. Requests are judged elsewhere; here the verdict becomes an object to send.
"""

from __future__ import annotations

import re
from typing import Any

from attrs import field, frozen, validators

from venuesdk.testing.sims.loopring_topics import Rejected, Topic

__all__ = ["Replies"]

_SEQUENCE = re.compile(r'"sequence"\s*:\s*(\d+)')


@frozen(kw_only=True)
class Replies:
    """The chosen forms; an unknown one is a ValueError.

    `reply_key` is "topics", or "topic" as in the oldest document's examples; `status_case`
    "lower" or "upper"; `topic_key` "topic", or "topic:" as in some examples; `market_case`
    "sent" or "lower", in pushes. `unparsed_op` and `unparsed_sequence` say which op a reply to
    an unreadable request has, and whether it has a sequence.
    """

    reply_key: str = field(default="topics", validator=validators.in_(("topics", "topic")))
    status_case: str = field(default="lower", validator=validators.in_(("lower", "upper")))
    topic_key: str = field(default="topic", validator=validators.in_(("topic", "topic:")))
    market_case: str = field(default="sent", validator=validators.in_(("sent", "lower")))
    unparsed_op: str = field(default="sub", validator=validators.in_(("sub", "")))
    unparsed_sequence: bool = False

    def accepted(self, request: dict[str, Any], op: str) -> dict[str, Any]:
        """Return the reply to a request that took effect."""
        return self._reply(op, request, {"status": self._status("ok")})

    def rejected(self, request: dict[str, Any], op: str, why: Rejected) -> dict[str, Any]:
        """Return the reply to a request that changed nothing."""
        error = {"code": why.code, "message": why.message}
        return self._reply(op, request, {"status": self._status("failed"), "error": error})

    def unparsed(self, text: str) -> dict[str, Any]:
        """Return the reply to what is no request at all."""
        request: dict[str, Any] = {}
        # Where the documents print a sequence here, it can only come from the unreadable text.
        if self.unparsed_sequence and (match := _SEQUENCE.search(text)):
            request["sequence"] = int(match[1])
        return self.rejected(request, self.unparsed_op, Rejected(104115, f"unexpected msg:{text}"))

    def push_topic(self, topic: Topic) -> dict[str, Any]:
        """Return the topic of a push: the configuration that the client sent."""
        settings = dict(topic.settings)
        if self.market_case == "lower" and "market" in settings:
            settings["market"] = topic.market.lower()
        return {self.topic_key: topic.name, **settings}

    def _reply(self, op: str, request: dict[str, Any], result: object) -> dict[str, Any]:
        reply: dict[str, Any] = {"op": op}
        if "sequence" in request:
            reply["sequence"] = request["sequence"]
        reply[self.reply_key] = self._echo(request.get("topics"))
        reply["result"] = result
        return reply

    def _echo(self, sent: Any) -> Any:
        topics = [self._renamed(topic) for topic in sent] if isinstance(sent, list) else []
        # Only one topic at a time was ever shown under the singular key.
        return topics[0] if self.reply_key == "topic" and len(topics) == 1 else topics

    def _renamed(self, topic: Any) -> Any:
        if not isinstance(topic, dict):
            return topic
        return {
            self.topic_key if key in ("topic", "topic:") else key: value
            for key, value in topic.items()
        }

    def _status(self, word: str) -> str:
        return word.upper() if self.status_case == "upper" else word

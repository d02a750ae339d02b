"""Serve the Autobahn cases to one client and print the suite's own verdicts; a program of its own.

    python autobahn_server.py PATTERN...

The first line on standard output is the port; the second comes when the client has asked for
``/updateReports``, and is the list of verdicts as JSON. A process of its own because kosoku changes
``sys.path`` and the standard library where it is imported, and runs on asyncio.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import kosoku


def verdict(result: Any) -> dict[str, Any]:
    """Return what the report says of one case, in the suite's words."""
    return {
        "case": result.case_id,
        "passed": result.passed,
        "behavior": result.behavior.value,
        "close": result.behavior_close.value,
        "why": f"{result.result} {result.result_close}",
        "request": result.http_request,
        "agent": result.agent,
    }


async def serve(patterns: list[str]) -> None:
    """Serve the cases that match until the client says that it has had them all."""
    async with kosoku.run_fuzzingserver(patterns, host="127.0.0.1", port=0) as server:
        print(server.port, flush=True)
        try:
            results = await server.get_result()
        except kosoku.FailureError as failure:
            results = failure.results
    print(json.dumps([verdict(result) for result in results]), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))

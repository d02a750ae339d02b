"""One client, in a process of its own: does the job that it is given, and prints what it found.

A program: ``python child.py JOB``, with a `Job` as JSON. Its last line is JSON too.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Do the job; leave without waiting for anything that the client would do at its end."""
    sys.path[:0] = [str(HERE), str(HERE.parent.parent)]
    from job import Job
    from meter import report

    job = Job.from_json(sys.argv[1])
    module, _, name = job.driver.partition(":")
    driver = getattr(import_module(module), name)
    if job.task == "alone":
        found = driver(job)
    else:
        task_module, _, task = job.task.partition(":")
        found = getattr(import_module(task_module), task)(job, driver)
    report(found)


if __name__ == "__main__":
    main()

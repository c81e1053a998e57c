"""Run by the kill test: play reviews in processes that can be killed, say what was acknowledged.

Forks a process for each project that a line of stdin names, as importing everything takes longer
than a review. Writes ``started PID``, what that process has acknowledged, ``ended STATUS``.
"""

from __future__ import annotations

import os
import sys

from labkit.project import Project
from labkit.review import ScriptedReviewer, Slips


def play(root: str) -> None:
    with Project.open(root) as project:
        truth, seen = (m.run_id for m in project.runs())
        queue = project.frames()[["frame_id"]]
        queue.attrs["runs"] = [seen]
        session = project.review(queue, "bot", scripted=True)
        append = project.ledger.append

        def acknowledged(decisions, expect=None):
            seqs = append(decisions, expect)
            for d in decisions:
                sys.stdout.write(f"{d.decision_id}\n")
            sys.stdout.flush()
            return seqs

        project.ledger.append = acknowledged
        ScriptedReviewer(project.proposals(truth), slips=Slips(0, 0, 0, 0)).play(session)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                play(line.strip())
                status = 0
            finally:
                os._exit(status)
        say(f"started {pid}")
        _, ended = os.waitpid(pid, 0)
        say(f"ended {os.waitstatus_to_exitcode(ended)}")


if __name__ == "__main__":
    main()

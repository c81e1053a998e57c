"""Run by the kill test in a process of its own: play a review, say what was acknowledged."""

from __future__ import annotations

import sys
from pathlib import Path

from labkit.project import Project
from labkit.review import ScriptedReviewer, Slips


def main(root: str) -> None:
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


if __name__ == "__main__":
    main(str(Path(sys.argv[1])))

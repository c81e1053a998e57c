"""Which of the project's labels a model's label means: many to one, and never by a guess only."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from labkit.core.errors import Argument, InputError
from labkit.core.registry import unknown
from labkit.core.synonyms import BROADER, SYNONYMS

__all__ = ["LabelMap", "LabelRow", "Rule", "identity", "load", "resolve", "suggest"]

_YAML_BREAKS = frozenset("\x85\u2028\u2029")
"""Characters beside ``\\n`` and ``\\r`` that YAML takes for the end of a line."""

Rule = Literal["exact", "case", "plural", "synonym", "broader", "user", "saved", "model", "none"]
"""How a label was matched.

``exact`` the same text; ``case`` but for case, spaces, hyphens and underscores; ``plural`` but for
the number; ``synonym`` another name of the same thing; ``broader`` a wider word (car → vehicle),
which is a suggestion only; ``user`` and ``saved`` a person said so, now or earlier; ``model`` the
project took the model's labels; ``none`` nothing matched: its proposals are dropped and counted.
"""

_IRREGULAR = {
    "people": "person", "men": "man", "women": "woman", "children": "child", "feet": "foot",
    "teeth": "tooth", "mice": "mouse", "geese": "goose", "knives": "knife", "leaves": "leaf",
    "wolves": "wolf", "shelves": "shelf", "calves": "calf", "loaves": "loaf",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One of the model's labels, what it becomes (None: dropped) and why."""

    model_label: str
    label: str | None
    rule: Rule


@dataclass(frozen=True, slots=True)
class LabelMap:
    """A row for every label of the model, in the model's order."""

    rows: tuple[LabelRow, ...]

    def __getitem__(self, model_label: str) -> str | None:
        for row in self.rows:
            if row.model_label == model_label:
                return row.label
        raise unknown("label of the model", model_label, [r.model_label for r in self.rows])

    def as_dict(self) -> dict[str, str | None]:
        """Model label → project label, None where it is dropped."""
        return {row.model_label: row.label for row in self.rows}

    def rules(self) -> dict[str, str]:
        """Model label → the rule that matched."""
        return {row.model_label: row.rule for row in self.rows}

    def without(self, *rules: Rule) -> LabelMap:
        """The same map with what these rules matched left open."""
        return LabelMap(
            tuple(
                LabelRow(r.model_label, None, "none") if r.rule in rules else r for r in self.rows
            )
        )

    def overridden(
        self, mapping: Mapping[str, str | None], labels: Sequence[str], rule: Rule = "user"
    ) -> LabelMap:
        """The same map with some rows replaced; None drops a label.

        Raises
        ------
        NotFoundError
            A label that the model or the project does not have; the message names the nearest.
        """
        known = [row.model_label for row in self.rows]
        for model_label, label in mapping.items():
            if model_label not in known:
                raise unknown("label of the model", model_label, known)
            if label is not None and label not in labels:
                raise unknown("label of the project", label, list(labels))
        return LabelMap(
            tuple(
                replace(row, label=mapping[row.model_label], rule=rule)
                if row.model_label in mapping
                else row
                for row in self.rows
            )
        )

    def report(self, dropped: Mapping[str, int] | None = None) -> list[dict[str, Any]]:
        """One dictionary per label of the model, ready for ``pandas.DataFrame``.

        Parameters
        ----------
        dropped : mapping, optional
            After a run: model label → proposals that were dropped.

        Returns
        -------
        list of dict
            ``model_label``, ``label``, ``rule``, ``dropped``.
        """
        counts = dropped or {}
        return [
            {
                "model_label": row.model_label,
                "label": row.label,
                "rule": row.rule,
                "dropped": int(counts.get(row.model_label, 0)),
            }
            for row in self.rows
        ]

    def to_yaml(self, model: str) -> str:
        """The map as YAML; what nothing matched is left out, so that new labels can match later."""
        rows = {r.model_label: r.label for r in self.rows if r.rule != "none"}
        names = "".join([model, *rows, *(label for label in rows.values() if label is not None)])
        body = yaml.safe_dump(
            {"model": model, "map": rows},
            allow_unicode=not set(names) & _YAML_BREAKS,  # they would be read back as spaces
            sort_keys=False,
            width=1000,
        )
        return "# model label: project label, or null to drop it\n" + body


def load(path: Path) -> dict[str, str | None]:
    """Read a map that :meth:`LabelMap.to_yaml` or a person wrote."""
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise InputError(f"The label map {path.name!r} cannot be read", str(exc)) from exc
    rows = data.get("map", data) if isinstance(data, dict) else data
    if not isinstance(rows, dict) or not all(
        isinstance(v, str | int) or v is None for v in rows.values()
    ):
        raise InputError(
            f"The label map {path.name!r} cannot be used",
            "it is not a mapping of model label to project label",
        )
    return {str(k): None if v is None else str(v) for k, v in rows.items()}


def identity(model_labels: Iterable[str]) -> LabelMap:
    """The model's labels as they are."""
    return LabelMap(tuple(LabelRow(name, name, "model") for name in dict.fromkeys(model_labels)))


def suggest(model_labels: Iterable[str], labels: Sequence[str]) -> LabelMap:
    """The best match for every label of the model, with the rule that found it.

    Parameters
    ----------
    model_labels : iterable of str
    labels : sequence of str
        The project's.

    Returns
    -------
    LabelMap
        Rules in the order ``exact``, ``case``, ``plural``, ``synonym``, ``broader``, ``none``;
        among labels that match equally well, the project's first.
    """
    return LabelMap(tuple(_match(name, labels) for name in dict.fromkeys(model_labels)))


def resolve(
    model_labels: Sequence[str],
    labels: Sequence[str],
    mapping: Mapping[str, str | None] | None = None,
    saved: Mapping[str, str | None] | None = None,
    saved_as: str = "",
) -> LabelMap:
    """The map that a run uses: what the user says, then what is saved, then the sure suggestions.

    Parameters
    ----------
    model_labels : sequence of str
    labels : sequence of str
        The project's; where there are none, the model's are taken.
    mapping : mapping, optional
        What the user says, which may use wider labels (``car`` → ``vehicle``).
    saved : mapping, optional
        From :func:`load`; ``saved_as`` is the file's name, for messages.

    Raises
    ------
    InputError
        A mapping names a label that is not there, or nothing matches at all.
    """
    if not labels:
        wanted = [v for v in (mapping or {}).values() if v is not None]
        return identity(model_labels).overridden(mapping or {}, wanted)
    out = suggest(model_labels, labels).without("broader")
    if saved:
        try:
            out = out.overridden(saved, labels, "saved")
        except InputError as exc:
            raise InputError(
                f"The saved label map {saved_as!r} does not fit", str(exc), "change or remove it"
            ) from exc
    if mapping:
        out = out.overridden(mapping, labels)
    if all(row.label is None for row in out.rows):
        raise InputError(
            "None of the model's labels means one of the project's",
            f"the model has {_listed(model_labels)}; the project has {_listed(labels)}",
            "give a " + Argument("label_map") + " of model label to project label",
        )
    return out


def _listed(names: Sequence[str], most: int = 100) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _fold(name: str) -> str:
    """``Traffic_Light`` and ``traffic-light`` as ``traffic light``."""
    return re.sub(r"[\s_\-]+", " ", name).strip().casefold()


def _singular(name: str) -> str:
    """A folded name with its last word in the singular, by English rules of thumb."""
    head, _, word = name.rpartition(" ")
    if word in _IRREGULAR:
        word = _IRREGULAR[word]
    elif len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes", "zes", "buses")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return f"{head} {word}".strip()


@functools.cache
def _concepts() -> dict[str, str]:
    """Singular name → the first name of its row."""
    return {_singular(name): _singular(row[0]) for row in SYNONYMS for name in row}


def _concept(name: str) -> str:
    key = _singular(_fold(name))
    return _concepts().get(key) or _concepts().get(key.replace(" ", "")) or key


@functools.cache
def _wider() -> dict[str, frozenset[str]]:
    """Concept → all wider ones, over any number of steps."""
    direct: dict[str, set[str]] = {}
    for wide, things in BROADER.items():
        for thing in things:
            direct.setdefault(_concept(thing), set()).add(_concept(wide))
    out: dict[str, frozenset[str]] = {}
    for thing in direct:
        seen: set[str] = set()
        todo = set(direct[thing])
        while todo:
            wide = todo.pop()
            seen.add(wide)
            todo |= direct.get(wide, set()) - seen
        out[thing] = frozenset(seen)
    return out


def _match(name: str, labels: Sequence[str]) -> LabelRow:
    folded, concept = _fold(name), _concept(name)
    wider = _wider().get(concept, frozenset())
    tests: tuple[tuple[Rule, Any], ...] = (
        ("exact", lambda label: label == name),
        ("case", lambda label: _fold(label).replace(" ", "") == folded.replace(" ", "")),
        ("plural", lambda label: _singular(_fold(label)) == _singular(folded)),
        ("synonym", lambda label: _concept(label) == concept),
        ("broader", lambda label: _concept(label) in wider),
    )
    for rule, same in tests:
        for label in labels:
            if same(label):
                return LabelRow(name, label, rule)
    return LabelRow(name, None, "none")

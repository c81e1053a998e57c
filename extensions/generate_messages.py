"""Make ``messages.ts`` of both front ends from the messages in ``labkit/widgets``.

    python extensions/generate_messages.py [--check]

With ``--check`` nothing is written, and the exit code is 1 where a file differs.

Every ``TypedDict`` becomes an interface and every ``TypeAlias`` a type, under the same name without
``Json`` at its end, with its docstring.
"""

from __future__ import annotations

import ast
import importlib
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent
MADE_FROM: Final = {
    "labkit-stage/src/messages.ts": "labkit/widgets/messages.py",
    "labkit-lab/src/messages.ts": "labkit/widgets/lab_messages.py",
}
"""File under ``extensions`` → the module that it is made from."""

WIDTH: Final = 100

_HEAD: Final = """\
// What passes between the kernel and the page, in JSON.
// Made from {source} by extensions/generate_messages.py: change it there.
"""
_WORDS: Final = {"str": "string", "int": "number", "float": "number", "bool": "boolean"}


class MessageError(Exception):
    """An annotation that has no counterpart in TypeScript; the message is one line."""


def generate(source: str) -> str:
    """The TypeScript for a module of messages, whose path is given from the repository's root."""
    body = ast.parse((ROOT / source).read_text("utf-8")).body
    parts = [_HEAD.format(source=source), *_imported(body)]
    for place, node in enumerate(body):
        if isinstance(node, ast.ClassDef):
            parts.append(_comment(ast.get_docstring(node)) + _interface(node))
        elif isinstance(node, ast.AnnAssign) and _name(node.annotation) == "TypeAlias":
            assert node.value is not None
            after = body[place + 1] if place + 1 < len(body) else None
            parts.append(_comment(_text(after)) + _alias(_goal(_name(node.target)), node.value))
    return "\n".join(parts)


def _imported(body: Sequence[ast.stmt]) -> list[str]:
    """Literals that the module takes from elsewhere in labkit, written out."""
    out = []
    for node in body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("labkit."):
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                values = get_args(getattr(module, alias.name))
                out.append(
                    _union(f"export type {_goal(alias.name)} =", [_quoted(v) for v in values])
                )
    return out


def _interface(node: ast.ClassDef) -> str:
    partial = any(k.arg == "total" and _constant(k.value) is False for k in node.keywords)
    lines = []
    for field in node.body:
        if not isinstance(field, ast.AnnAssign):
            continue
        kind, optional = field.annotation, partial
        if isinstance(kind, ast.Subscript) and _name(kind.value) == "NotRequired":
            kind, optional = kind.slice, True
        mark = "?" if optional else ""
        lines.append(f"  {_name(field.target)}{mark}: {_type(kind)};\n")
    return f"export interface {_goal(node.name)} {{\n{''.join(lines)}}}\n"


def _alias(name: str, value: ast.expr) -> str:
    return _union(f"export type {name} =", _members(value))


def _members(node: ast.expr) -> list[str]:
    if isinstance(node, ast.BinOp):
        return [*_members(node.left), *_members(node.right)]
    if isinstance(node, ast.Subscript) and _name(node.value) == "Literal":
        return [_quoted(_constant(item)) for item in _items(node.slice)]
    return [_type(node)]


def _union(start: str, members: Sequence[str]) -> str:
    line = f"{start} {' | '.join(members)};\n"
    if len(line) <= WIDTH:
        return line
    return start + "".join(f"\n  | {member}" for member in members) + ";\n"


def _type(node: ast.expr) -> str:
    if isinstance(node, ast.BinOp):
        return " | ".join(_members(node))
    if isinstance(node, ast.Constant) and node.value is None:
        return "null"
    if isinstance(node, ast.Name):
        return _WORDS.get(node.id) or _goal(node.id)
    if isinstance(node, ast.Subscript):
        items, outer = _items(node.slice), _name(node.value)
        if outer == "Literal":
            return " | ".join(_members(node))
        if outer == "list":
            inner = _type(items[0])
            return f"({inner})[]" if " | " in inner else f"{inner}[]"
        if outer == "tuple":
            return f"[{', '.join(map(_type, items))}]"
        if outer == "dict":
            return f"Record<{_type(items[0])}, {_type(items[1])}>"
    raise MessageError(f"{ast.unparse(node)!r} has no counterpart in TypeScript")


def _items(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _goal(name: str) -> str:
    return name.removesuffix("Json")


def _constant(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _quoted(value: object) -> str:
    if not isinstance(value, str):
        raise MessageError(f"{value!r} is not text")
    return f'"{value}"'


def _text(node: ast.stmt | None) -> str | None:
    value = _constant(node.value) if isinstance(node, ast.Expr) else None
    return value if isinstance(value, str) else None


def _comment(text: str | None) -> str:
    if not text:
        return ""
    text = text.replace("``", "`")
    if "\n" not in text and len(text) <= WIDTH - 7:
        return f"/** {text} */\n"
    lines = textwrap.dedent(text).strip().split("\n")
    return "/**\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"


def main(arguments: Sequence[str] = ()) -> int:
    """Write the files, or check them; 0 where they are as they should be, 1 where one differs."""
    stale = []
    for name, source in MADE_FROM.items():
        path, made = HERE / name, generate(source)
        if path.is_file() and path.read_text("utf-8") == made:
            continue
        if "--check" in arguments:
            stale.append(f"extensions/{name} differs from {source}")
        else:
            path.write_text(made, "utf-8")
    if stale:
        advice = "run `python extensions/generate_messages.py`"
        print(f"labkit: {', '.join(stale)}: {advice}", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))

"""The texts of the errors that mqwen raises, read from its source: a gap "{}" stands for what differs each time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mqwen import errors

GAP = "{}"


@dataclass(frozen=True)
class Said:
    """A clause or a hint, and the module that raises it."""

    module: str
    line: int
    text: str


def said_by_errors(package: Path) -> list[Said]:
    """Return what every MqwenError, and Refusal, which becomes one, that is made in a package says, hints included."""
    trees = {path.relative_to(package).as_posix(): ast.parse(path.read_text("utf-8")) for path in package.rglob("*.py")}
    classes = _classes(list(trees.values())) | {"Refusal"}
    assert "DownloadError" in classes and ("BusyError" in classes or package.name != "mqwen")
    found = []
    constants = _assigned(node for tree in trees.values() for node in tree.body)
    for module, tree in sorted(trees.items()):
        for call, around in _calls(tree, tree):
            if isinstance(call.func, ast.Name) and call.func.id in classes:
                texts = _Texts(_assigned(ast.walk(around)), constants)
                hints = [keyword.value for keyword in call.keywords if keyword.arg == "hint"]
                for part in (*call.args[:1], *hints):
                    found += [Said(module, call.lineno, text) for text in texts.of(part)]
    return found


def all_strings(package: Path) -> str:
    """Return every string of a package, with gaps, one to a line."""
    found = []
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append(_template(node))
    return "\n".join(found)


def _classes(trees: list[ast.Module]) -> set[str]:
    known = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    defined = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return known | {
        node.name for node in defined if any(isinstance(base, ast.Name) and base.id in known for base in node.bases)
    }


def _calls(node: ast.AST, around: ast.AST) -> Iterator[tuple[ast.Call, ast.AST]]:
    """Yield every call with the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child, around
        yield from _calls(child, child if isinstance(child, ast.FunctionDef) else around)


class _Texts:
    """What an expression of one function can be, as far as its source says."""

    def __init__(self, own: dict[str, list[ast.expr]], constants: dict[str, list[ast.expr]]) -> None:
        self._own, self._constants = own, constants

    def of(self, value: ast.expr, depth: int = 0) -> list[str]:
        match value:
            case ast.Constant(value=str(text)):
                return [text] if text else []
            case ast.Constant():
                return []
            case ast.JoinedStr():
                return [_template(value)]
            case ast.IfExp(body=yes, orelse=no):
                return self.of(yes, depth) + self.of(no, depth)
            case ast.BoolOp(values=values):
                return [text for one in values for text in self.of(one, depth)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return [a + b for a in self.of(left, depth) for b in self.of(right, depth)]
            case ast.Name(id=name) if depth < 3:
                values = self._own.get(name) or self._constants.get(name) or []
                return [text for one in values for text in self.of(one, depth + 1)] or [GAP]
        return [GAP]


def _assigned(nodes: Iterator[ast.AST]) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        match node:
            case ast.Assign(targets=[*targets], value=value):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                names = [name]
            case _:
                continue
        for name in names:
            found.setdefault(name, []).append(value)
    return found


def _template(joined: ast.JoinedStr) -> str:
    return "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in joined.values)

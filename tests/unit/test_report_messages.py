"""Every error and every warning of vizreport is in docs/messages.md, in its own words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vizreport import errors

ROOT = Path(__file__).resolve().parents[2]
TYPES = {
    name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.VizzyError)
}
WARNERS = {"warn", "_warn"}


def find_messages() -> Iterator[str]:
    """Yields the texts of errors that are raised and of warnings about names, with a hole for what varies."""
    for path in sorted((ROOT / "vizreport").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
                if name in TYPES | WARNERS or (name == "ValueError" and path.name == "conditions.py"):
                    yield join_text(node.args[0])


def join_text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(join_text(value) if isinstance(value, ast.Constant) else "\0" for value in node.values)
    return "\0"


def read_words() -> str:
    """The document's text without its marks, with single spaces."""
    return re.sub(r"\s+", " ", (ROOT / "docs" / "messages.md").read_text(encoding="utf-8").replace("`", ""))


MESSAGES = sorted(set(find_messages()) - {"\0"})


def test_the_messages_are_found() -> None:
    assert len(MESSAGES) > 50
    assert "\0: the trace describes no process" in MESSAGES


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.replace("\0", "*"))
def test_a_message_is_documented(message: str) -> None:
    documented = read_words()
    for part in message.replace("`", "").split("\0"):
        words = re.sub(r"\s+", " ", part).strip(" ;,.:()'")
        assert len(words) < 4 or words in documented, f"docs/messages.md does not have: {words}"

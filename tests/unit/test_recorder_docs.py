"""Every message and every option of vizzytrace is documented, in its own words."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LITERAL = r'"((?:[^"\\]|\\.)*)"'
CALL = re.compile(rf"vz_message_(?:error|warning|progress)\(((?:[^;\"]|{LITERAL})*)\);")
ADDITION = re.compile(rf"(?:advice = |return ){LITERAL}")  # what a message may be given
CONVERSION = r"%[-.*0-9]*(?:ll|z)?[a-z]"


def find_messages() -> list[str]:
    """The texts of all messages: each format string, its parts put together, and the texts that it may be given."""
    messages = []
    for path in sorted((ROOT / "launcher").glob("*.c")):
        text = re.sub(r'"\s*\n\s*"', "", path.read_text())
        if path.name != "message.c":
            messages += [literal for call in CALL.finditer(text) for literal in re.findall(LITERAL, call[1])]
            messages += ADDITION.findall(text)
    return messages


MESSAGES = find_messages()


def read_words(name: str) -> str:
    """A document's text without its marks, with single spaces."""
    return re.sub(r"\s+", " ", (ROOT / "docs" / name).read_text().replace("`", ""))


def test_the_messages_are_found() -> None:
    assert len(MESSAGES) > 50
    assert "%s: command not found" in MESSAGES


@pytest.mark.parametrize("message", sorted(set(MESSAGES)))
def test_a_message_is_documented(message: str) -> None:
    """All of it but what varies, and singular and plural."""
    documented = read_words("messages.md")
    for part in re.split(CONVERSION, message):
        words = part.replace("`", "").strip(" ;,.:()'")
        assert len(words) < 4 or words in documented, f"docs/messages.md does not have: {words}"


def test_every_option_is_documented() -> None:
    source = (ROOT / "launcher" / "cli.c").read_text()
    options = re.findall(r'\{"([a-z-]+)", (?:no|required)_argument', source)
    assert len(options) > 10
    documented = read_words("vizzytrace.md")
    assert [option for option in options if f"--{option}" not in documented] == []

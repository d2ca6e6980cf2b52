"""Scripts of what clients do, run against the receiver: the corpus of tests/fuzz/fuzz_receiver.py, and random ones."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parent.parent / "fuzz"
sys.path.insert(0, str(FUZZ))

from fuzz_receiver import fuzz_one, make_scripts  # noqa: E402

CORPUS = sorted((FUZZ / "corpus" / "receiver").iterdir())


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One event loop for all scripts."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_corpus(loop: asyncio.AbstractEventLoop, path: Path, tmp_path: Path) -> None:
    fuzz_one(path.read_bytes(), loop, str(tmp_path))


def test_random_scripts(loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    for script in make_scripts(seed=1, n=150):
        fuzz_one(script, loop, str(tmp_path))

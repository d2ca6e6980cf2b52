"""Fixtures of the unit tests."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from vizreport.trace.reader import Trace, read_trace

# How long an example takes says more about the machine, and what else it does, than about the code.
settings.register_profile("vizzy", deadline=None)
settings.load_profile("vizzy")

TESTS = Path(__file__).resolve().parent.parent
for folder in (TESTS, TESTS / "oracle"):
    sys.path.insert(0, str(folder))


@pytest.fixture
def load(tmp_path: Path) -> Callable[[bytes], Trace]:
    """Reads a trace from bytes."""

    def load_bytes(data: bytes) -> Trace:
        path = tmp_path / "t.trace"
        path.write_bytes(data)
        return read_trace(str(path))

    return load_bytes

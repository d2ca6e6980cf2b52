"""Bytes, counts and times as text for people."""

_STEPS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def format_bytes(size_bytes: int) -> str:
    """Returns the size with at most one decimal in units of 1024: ``1.5 MiB``."""
    value = float(size_bytes)
    step = 0
    while abs(value) >= 1024 and step < len(_STEPS) - 1:
        value /= 1024
        step += 1
    return f"{size_bytes} bytes" if step == 0 else f"{value:.1f} {_STEPS[step]}"


def format_time(time_ns: int) -> str:
    """Returns the time in the unit that leaves one to three digits before the point: ``12.3 ms``."""
    for unit, name in ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")):
        if time_ns >= unit:
            return f"{time_ns / unit:.3f} {name}"
    return f"{time_ns} ns"


def format_count(count: int, noun: str) -> str:
    """Returns the count with its noun, plural unless it is one: ``1 block``, ``3 blocks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

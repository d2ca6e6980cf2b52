"""The options of vizzytrace do what its help says."""

import csv
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from recording import Image, Program, Record, read_tallies, run_vizreport


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_help_names_every_option(vizzytrace: Path) -> None:
    shown = run(vizzytrace, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    for option in (
        "-q", "--quiet", "--format", "--max-depth", "--children", "--wait", "--free-stacks", "--buffer", "--when-full",
        "--rss-interval", "--version", "--help",
    ):  # fmt: skip
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", shown.stdout), option
    assert max(map(len, shown.stdout.splitlines())) <= 120


def test_version(vizzytrace: Path) -> None:
    shown = run(vizzytrace, "--version")
    assert shown.returncode == 0
    assert re.fullmatch(r"vizzytrace \d+\.\d+\.\d+\S*\n", shown.stdout)


def test_messages_are_in_the_known_words(record: Record, program: Program) -> None:
    recording = record(program("nothing.c"), "9")
    assert recording.status == 9
    dropping, started, exited = (line for line in recording.stderr.splitlines() if line.startswith("[*]"))
    assert re.fullmatch(r"\[\*\] Dropping libvizzy to disk at /\S+/libvizzy\.so", dropping)
    assert started == f"[*] Child process started (pid={recording.main.pid})"
    assert exited == "[*] Child process exited with a return code of 9"


def test_quiet_is_quiet(record: Record, program: Program) -> None:
    assert record(program("nothing.c"), options=["-q"]).stderr == ""


@pytest.mark.parametrize("options", [("--max-depth", "0"), ("--max-depth", "5"), ()], ids=["0", "5", "256"])
def test_deep_recursion_keeps_counts_and_cuts_stacks(
    record: Record, program: Program, options: tuple[str, ...]
) -> None:
    recording = record(program("deep.c"), "100000", "20", options=options)
    assert recording.status == 0, recording.stderr
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts
    assert not recording.anomalies
    (leak,) = recording.main.raw["leaks"]
    limit = int(options[1]) if options else 256
    assert (leak["bytes"], leak["blocks"]) == (151, 1)
    # The cut falls at multiples of half the limit.
    assert limit // 2 <= len(leak["stack"]) <= limit


def test_a_stack_below_the_cap_is_whole(record: Record, program: Program) -> None:
    (leak,) = record(program("deep.c"), "30").main.raw["leaks"]
    frames = [frame for frame in leak["stack"] if not frame["inlined"]]
    # 31 calls of descend, main, and what the C library starts main with
    assert 32 <= len(frames) <= 36
    assert all(Path(frame["module"]).name == "deep" for frame in frames[:32])


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV trace."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("by", ["name", "option"])
def test_csv(vizzytrace: Path, program: Program, tmp_path: Path, by: str) -> None:
    log = tmp_path / ("t.csv" if by == "name" else "t.out")
    options = [] if by == "name" else ["--format", "csv"]
    shown = run(vizzytrace, *options, log, program("every_function.c"))
    assert shown.returncode == 0, shown.stderr
    rows = read_csv(log)
    assert list(rows[0]) == ["time_ns", "pid", "tid", "function", "address", "size", "stack_id"]
    assert {row["pid"] for row in rows} == {str(read_tallies(shown.stdout)[0].pid)}
    times = [int(row["time_ns"]) for row in rows]
    assert times == sorted(times)
    count = Counter(row["function"] for row in rows)
    mappings = [row["function"] for row in rows if "map" in row["function"]]
    assert mappings == ["mmap", "mremap_from", "mremap", "munmap"]  # those that fail leave nothing
    assert {"malloc", "calloc", "realloc", "free", "memalign", "posix_memalign", "valloc", "pvalloc"} <= set(count)
    sizes = {int(row["size"]) for row in rows if row["function"] == "pvalloc"}
    assert sizes == {139}


@pytest.mark.parametrize(
    "command",
    [
        ["every_function.c"],
        ["families.c", "fork"],
        ["families.c", "exec"],
        ["families.c", "spawn"],
        ["threads_many.c", "8"],
    ],
    ids=" ".join,
)
def test_a_csv_trace_says_the_same(record: Record, program: Program, command: list[str]) -> None:
    source, *arguments = command
    binary, text = (
        record(program(source), *arguments, options=["--format", which]).images for which in ("vizzy", "csv")
    )
    assert [describe(image) for image in text] == [describe(image) for image in binary]


def describe(image: Image) -> dict[str, Any]:
    """What a summary says of an image, but for what two runs need not share: a child's end is not always learnt."""
    return {key: value for key, value in image.raw.items() if key not in ("pid", "ppid", "exit", "peak", "temporary")}


def test_the_summary_is_in_valgrinds_words(record: Record, program: Program) -> None:
    recording = record(program("churn.c"), "1000", "10")
    text = run_vizreport("summary", str(recording.trace))
    counts = read_tallies(recording.stdout)[0].counts
    assert text.startswith(
        "HEAP SUMMARY:\n"
        "    in use at exit   : 0 bytes in 0 blocks\n"
        f"    total heap usage : 1000 allocs, 1000 frees, {counts.bytes_allocated} bytes allocated\n"
    )


def test_resident_memory_is_sampled(record: Record) -> None:
    recording = record("sleep", "0.3", options=["--rss-interval", "20"])
    process = recording.info()["processes"][0]
    assert process["samples"] >= 5
    assert 100_000 < process["max_rss_bytes"] < 100_000_000

"""Streams across networks: two network namespaces with a link that goes down, and the tunnels of docs/remote.md."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from receiving import TIMEOUT_S, check_exact, has_come, read_counts, receiving, start, vizreport, wait_until
from recording import Program, Require, read_recording

LONG = ("2", "1", "200000")  # of losses.c: some seconds


# ---- two machines ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Machines:
    """Two network namespaces, joined by a link that has a small MTU."""

    target: str
    receiver: str
    link: str
    address: str

    def set_link(self, state: str) -> None:
        """Takes the link "down" or "up"."""
        run("ip", "-n", self.receiver, "link", "set", self.link, state)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


@pytest.fixture
def machines(require: Require) -> Iterator[Machines]:
    """Makes the namespaces, and removes them."""
    require("ip", "iproute2")
    mark = f"{os.getpid() % 100_000:05d}"
    target, receiver = f"vizzy-target-{mark}", f"vizzy-receiver-{mark}"
    made = subprocess.run(["ip", "netns", "add", target], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no right to make a network namespace: {made.stderr.strip()}")
    try:
        run("ip", "netns", "add", receiver)
        ends = f"vz{mark}t", f"vz{mark}r"
        run("ip", "link", "add", ends[0], "netns", target, "type", "veth", "peer", "name", ends[1], "netns", receiver)
        for namespace, end, address in ((target, ends[0], "10.213.7.1/30"), (receiver, ends[1], "10.213.7.2/30")):
            run("ip", "-n", namespace, "address", "add", address, "dev", end)
            run("ip", "-n", namespace, "link", "set", end, "mtu", "600", "up")
        yield Machines(target, receiver, ends[1], "10.213.7.2")
    finally:
        for namespace in (target, receiver):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)


@pytest.mark.parametrize("tee", [False, True])
def test_two_machines(vizzytrace: Path, program: Program, machines: Machines, tmp_path: Path, tee: bool) -> None:
    """The link is small, and is down for two seconds in the middle; the token is needed beyond the machine."""
    trace, local, token = tmp_path / "a.trace", tmp_path / "local.trace", tmp_path / "token"
    token.write_text("something that only we know\n")
    inside = ("ip", "netns", "exec", machines.receiver)
    address = f"{machines.address}:0"
    refused = subprocess.run(
        [*inside, *vizreport("receive", "--listen", address)], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "can be reached from other machines: give --token-file FILE, or --insecure" in refused.stderr
    with receiving(trace, "--once", "--token-file", str(token), listen=address, prefix=inside) as receiver:
        options = ("--tee", str(local)) if tee else ("--when-full", "block", "--spool", "64K", "--buffer", "64K")
        command: list[str | Path] = [
            vizzytrace,
            *options,
            "--token-file",
            token,
            f"tcp://{machines.address}:{receiver.port}",
        ]
        process = start(*inside_of(machines.target), *command, program("losses.c", "-pthread"), *LONG)
        wait_until(lambda: has_come(trace, 100_000), process)
        machines.set_link("down")
        size = trace.stat().st_size
        time.sleep(2)
        assert trace.stat().st_size - size < 100_000
        machines.set_link("up")
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        said = receiver.wait()
    assert "Traceback" not in said
    assert "can't be written" not in said
    check_losses_nothing(trace, process.returncode, stdout, stderr)
    if tee:
        assert local.read_bytes() == trace.read_bytes()


def inside_of(namespace: str) -> tuple[str, ...]:
    return ("ip", "netns", "exec", namespace)


def check_losses_nothing(trace: Path, status: int, stdout: str, stderr: str) -> None:
    """All that each process did is there."""
    recording = read_recording(trace, status, stdout, stderr)
    assert recording.status == 0, stderr
    assert recording.summary["trace"]["complete"]
    assert not recording.anomalies
    for pid, counts in read_counts(stdout).items():
        there = recording.image(pid).counts
        assert there.allocs - counts.allocs == there.in_use_blocks <= 2  # stdout's


def test_a_wrong_token_gets_nothing(vizzytrace: Path, program: Program, machines: Machines, tmp_path: Path) -> None:
    trace, token, other = tmp_path / "a.trace", tmp_path / "token", tmp_path / "other"
    token.write_text("right")
    other.write_text("wrong")
    inside = inside_of(machines.receiver)
    with receiving(trace, "--token-file", str(token), listen=f"{machines.address}:0", prefix=inside) as receiver:
        command: list[str | Path] = [
            vizzytrace,
            "--token-file",
            other,
            f"tcp://{machines.address}:{receiver.port}",
            program("churn.c"),
        ]
        process = start(*inside_of(machines.target), *command)
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, stdout) == (125, "")
    assert "it has another token" in stderr
    assert not trace.exists()


# ---- tunnels --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ssh(require: Require, tmp_path: Path) -> Iterator[list[str]]:
    """A sshd of our own on this machine, with keys made here; yields how it is reached."""
    sshd, keygen = require("/usr/sbin/sshd", "openssh-server"), require("ssh-keygen", "openssh-client")
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        run(keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    shutil.copy(folder / "user.pub", folder / "authorized_keys")
    port = find_port()
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nAllowTcpForwarding yes\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists
    log = folder / "log"
    server = subprocess.Popen([sshd, "-D", "-E", str(log), "-f", str(folder / "config")], text=True)
    try:
        wait_until(lambda: can_connect(port), server)
        options = (
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "ExitOnForwardFailure=yes",
        )
        known = ("-o", f"UserKnownHostsFile={folder}/known", "-o", "IdentitiesOnly=yes", "-i", str(folder / "user"))
        yield ["ssh", *options, *known, "-p", str(port), f"{getpass.getuser()}@127.0.0.1"]
    finally:
        server.terminate()
        server.wait(TIMEOUT_S)


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_the_recipe_with_the_tunnel_made_here(
    vizzytrace: Path, program: Program, ssh: list[str], tmp_path: Path
) -> None:
    """ssh -R: the target's vizzytrace is started from here and finds this machine's receiver on its own loopback."""
    trace, port = tmp_path / "a.trace", find_port()
    with receiving(trace, "--once") as receiver:
        command = [*ssh[:-1], "-R", f"{port}:127.0.0.1:{receiver.port}", ssh[-1]]
        process = start(*command, vizzytrace, f"tcp://127.0.0.1:{port}", program("churn.c"), "100000", "64")
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        receiver.wait()
    check_exact(read_recording(trace, process.returncode, stdout, stderr))


def test_the_recipe_with_the_tunnel_made_by_the_target(
    vizzytrace: Path, program: Program, ssh: list[str], tmp_path: Path
) -> None:
    """ssh -L: the target reaches the receiver's machine, where the receiver listens on loopback alone."""
    trace, port = tmp_path / "a.trace", find_port()
    with receiving(trace, "--once") as receiver:
        tunnel = start(*ssh[:-1], "-N", "-L", f"{port}:127.0.0.1:{receiver.port}", ssh[-1])
        try:
            wait_until(lambda: can_connect(port), tunnel)
            process = start(vizzytrace, f"tcp://127.0.0.1:{port}", program("churn.c"), "100000", "64")
            stdout, stderr = process.communicate(timeout=TIMEOUT_S)
            receiver.wait()
        finally:
            tunnel.terminate()
            tunnel.communicate(timeout=TIMEOUT_S)
    check_exact(read_recording(trace, process.returncode, stdout, stderr))

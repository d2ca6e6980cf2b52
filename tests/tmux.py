"""A terminal with a screen that can be read: a tmux server of the test's own, with one window."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TIMEOUT_S = 60.0
_FLAGS = ("alternate_on", "cursor_flag", "mouse_any_flag", "wrap_flag", "keypad_cursor_flag")
UNTOUCHED = {
    "alternate_on": "0",
    "cursor_flag": "1",
    "mouse_any_flag": "0",
    "wrap_flag": "1",
    "keypad_cursor_flag": "0",
}


class Terminal:
    """Runs one command in a terminal that stays when the command has ended."""

    def __init__(self, tmux: str, folder: Path) -> None:
        """Starts nothing yet."""
        self._tmux = [tmux, "-u", "-f", "/dev/null", "-S", str(folder / "tmux")]
        self._pid_file = folder / "pid"

    def start(
        self,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        *,
        width: int = 80,
        height: int = 24,
        before: str = "",
    ) -> None:
        """Starts the command in a shell; before: what the shell does first."""
        run = f"exec {shlex.join(map(str, command))}"
        script = (
            f"{before}\nstty -a > {self._pid_file}.before; "
            f"sh -c {shlex.quote(f'echo $$ > {self._pid_file}; {run}')}; "
            f"echo status $?; stty -a > {self._pid_file}.after; echo done; sleep 1000"
        )
        self._call("new-session", "-d", "-x", str(width), "-y", str(height), "sh", "-c", script, env=env)

    def screen(self) -> str:
        """Returns what is on the screen: lines without trailing blanks."""
        return self._call("capture-pane", "-p")

    def colours(self) -> set[str]:
        """Returns the parameters of the SGR sequences that make the screen."""
        parameters = re.findall(r"\x1b\[([\d;:]*)m", self._call("capture-pane", "-p", "-e"))
        return {number for each in parameters for number in each.split(";")}

    def keys(self, *keys: str) -> None:
        """Presses keys, by tmux's names; what is no name is typed."""
        self._call("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        """Changes the window's size."""
        self._call("resize-window", "-x", str(width), "-y", str(height))

    @property
    def pid(self) -> int:
        """The command's."""
        return int(self._pid_file.read_text())

    @property
    def flags(self) -> dict[str, str]:
        """What the command may have changed of the terminal."""
        shown = self._call("display-message", "-p", " ".join(f"#{{{name}}}" for name in _FLAGS)).split()
        return dict(zip(_FLAGS, shown, strict=True))

    def wait(self, condition: str | Callable[[str], bool]) -> str:
        """Waits until a text is on the screen, or it fulfils a condition; returns it."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            screen = self.screen()
            if condition in screen if isinstance(condition, str) else condition(screen):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"{condition} did not come true on:\n{self.screen()}")

    def wait_for_end(self) -> int:
        """Waits until the command has ended and left the terminal as it was; returns its exit status."""
        screen = self.wait(lambda screen: "done" in screen.split("\n"))
        assert self.flags == UNTOUCHED
        before, after = (Path(f"{self._pid_file}.{when}").read_text() for when in ("before", "after"))
        assert before == after
        return int(re.findall(r"^status (\d+)$", screen, re.M)[-1])

    def close(self) -> None:
        """Ends the server, and the command with it."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)

    def _call(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        run = subprocess.run(
            [*self._tmux, *arguments], check=False, capture_output=True, text=True, env=env, timeout=TIMEOUT_S
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

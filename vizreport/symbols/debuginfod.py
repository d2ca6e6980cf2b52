"""Debug files from servers: GET URL/buildid/BUILD-ID/debuginfo (debuginfod(8), "WEBAPI").

Servers stand in DEBUGINFOD_URLS, separated by spaces; DEBUGINFOD_TIMEOUT is in seconds. A download is kept, and so is,
for a while, the answer that there is no such file.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from vizreport.symbols.cache_dir import find_cache_dir, mark_used, remove_oldest

_MAX_BYTES = 4 << 30
_MISSING_FOR_S = 3600
_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 20
_NOT_FOUND = 404


class Debuginfod:
    """The servers that the environment names. One that did not answer is not asked again."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        """Asks nothing yet.

        Args:
            warn: Is told of servers that do not answer as they should.
        """
        urls = os.environ.get("DEBUGINFOD_URLS", "").split()
        self._servers = [url.rstrip("/") for url in urls if url.startswith(("http://", "https://"))]
        self._folder = find_cache_dir() / "debuginfod"
        self._warn = warn

    def is_worth_asking(self, build_id: bytes) -> bool:
        """Tells whether there are servers, and they have not said lately that they do not have it."""
        if not self._servers or not build_id:
            return False
        try:
            return time.time() - self._missing(build_id).stat().st_mtime > _MISSING_FOR_S
        except OSError:
            return True

    def find(self, build_id: bytes) -> Path | None:
        """Returns the debug file of this build, downloaded now or before, or None: no server has it."""
        path = self._folder / f"{build_id.hex()}.debug"
        if path.exists():
            mark_used(path)
            return path
        if not self.is_worth_asking(build_id):
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for server in tuple(self._servers):
                if self._download(server, build_id, path):
                    remove_oldest(self._folder, _MAX_BYTES)
                    return path
            if self._servers:
                self._missing(build_id).touch()
        except OSError as error:
            self._warn(f"{self._folder}: debug files can't be kept there: {error.strerror}")
        return None

    def _missing(self, build_id: bytes) -> Path:
        return self._folder / f"{build_id.hex()}.missing"

    def _download(self, server: str, build_id: bytes, path: Path) -> bool:
        try:
            return _get(f"{server}/buildid/{build_id.hex()}/debuginfo", path)
        except (OSError, ValueError) as error:
            self._servers.remove(server)
            self._warn(f"{server}: no answer from this debuginfod server: {error}; --no-debuginfod asks none")
            return False


def _timeout() -> float:
    try:
        seconds = float(os.environ.get("DEBUGINFOD_TIMEOUT", ""))
    except ValueError:
        return _TIMEOUT_S
    return seconds if seconds > 0 else _TIMEOUT_S


def _get(url: str, path: Path) -> bool:
    """Downloads to a file; returns False if the server does not have it.

    Raises:
        OSError: The server can't be reached, stops in the middle, or says something else.
    """
    # Most reports ask no server, and these take as long to import as all the rest.
    import http.client
    import urllib.error
    import urllib.request

    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(url, timeout=_timeout()) as answer:
            expected = answer.headers.get("Content-Length")
            while chunk := answer.read(_CHUNK_BYTES):
                file.write(chunk)
            if expected is not None and file.tell() != int(expected):
                raise OSError("the download stopped in the middle")
        Path(temporary).replace(path)
    except urllib.error.HTTPError as error:
        if error.code == _NOT_FOUND:
            return False
        raise
    except http.client.HTTPException as error:
        raise OSError(f"the answer can't be understood: {error!r}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    return True

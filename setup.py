"""Drives SCons for pip: builds the C parts, and puts vizzytrace into bin/ and the libraries into the package.

Metadata stands in setup.cfg. What a machine lacks for the C parts comes from PyPI: a compiler (ziglang, installed into
the build environment) and the source of zstd (in the sdist of zstandard, unpacked to build/zstd).
"""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import ClassVar

from setuptools import Command, Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

# Setuptools brings its own distutils, but no command of this name: it has to be imported after setuptools.
from distutils.command.build_scripts import build_scripts  # isort: skip

ROOT = Path(__file__).parent
RELEASE = ROOT / "build" / "release"
VIZZYTRACE = RELEASE / "launcher" / "vizzytrace"
LIBRARIES = [RELEASE / "libtrace" / "record" / "libvizzy.so", RELEASE / "libtrace" / "replay" / "libvizread.so"]
ZSTD_SOURCE = ROOT / "build" / "zstd"
ZSTD_SDIST = "zstandard==0.23.0"


def find_compiler() -> list[str] | None:
    """The C compiler's command as SConstruct will find it, or None where ziglang has to be installed."""
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    return next(([name] for name in ("gcc", "clang", "cc") if shutil.which(name)), None)


def has_zstd() -> bool:
    """Whether the C parts will find zstd: the system's headers, or the source in build/zstd."""
    if (ZSTD_SOURCE / "zstd.c").exists():
        return True
    compiler = find_compiler()
    if compiler is None:
        return Path("/usr/include/zstd.h").exists()
    probe = [*compiler, "-E", "-x", "c", "-", "-o", os.devnull]
    return subprocess.run(probe, input=b"#include <zstd.h>\n", stderr=subprocess.DEVNULL, check=False).returncode == 0


def compiler_environment() -> dict[str, str]:
    """The environment that makes zstandard's own set-up, which preprocesses a header, find ziglang where it has to."""
    spec = importlib.util.find_spec("ziglang")
    if find_compiler() or spec is None or spec.origin is None:
        return dict(os.environ)
    command = shlex.quote(str(Path(spec.origin).with_name("zig"))) + " cc"
    return {**os.environ, "CC": command, "CPP": f"{command} -E"}


def fetch_zstd() -> None:
    """Puts zstd.c and zstd.h into build/zstd. Where that fails the build says that traces will not be compressed."""
    print(f"vizzy: taking the source of zstd from PyPI's {ZSTD_SDIST}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary=zstandard", "-d", scratch]
        if subprocess.run([*download, ZSTD_SDIST], env=compiler_environment(), check=False).returncode != 0:
            print("vizzy: could not download it", file=sys.stderr)
            return
        ZSTD_SOURCE.mkdir(parents=True, exist_ok=True)
        with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as sdist:
            for member in sdist:
                name = Path(member.name).name
                content = sdist.extractfile(member) if member.name.endswith(("/zstd/zstd.c", "/zstd/zstd.h")) else None
                if content is not None:
                    (ZSTD_SOURCE / name).write_bytes(content.read())


def find_requirements() -> list[str]:
    """What the build environment needs besides pyproject.toml's list."""
    return ([] if find_compiler() else ["ziglang>=0.13"]) + ([] if has_zstd() else ["pip"])


def run_scons() -> None:
    """Builds build/release."""
    subprocess.run([sys.executable, "-m", "SCons", "-Q", f"-j{os.cpu_count() or 1}"], cwd=ROOT, check=True)


class FetchZstd(Command):
    """`python setup.py fetch_zstd`: the set-up step of ./dev for machines without libzstd."""

    description = "fetch the source of zstd where no libzstd is installed"
    user_options: ClassVar[list[tuple[str, str | None, str]]] = [
        ("always", None, "even where one is installed: for other machines")
    ]
    boolean_options: ClassVar[list[str]] = ["always"]

    def initialize_options(self) -> None:
        """Sets the default."""
        self.always = False

    def finalize_options(self) -> None:
        """Nothing depends on another."""

    def run(self) -> None:
        """Fetches it."""
        if self.always or not has_zstd():
            fetch_zstd()


class BuildPy(build_py):
    """Copies the built libraries into the package."""

    def run(self) -> None:
        """Runs SCons, then copies; an editable install uses the libraries where SCons left them."""
        super().run()
        if not has_zstd():
            fetch_zstd()
        run_scons()
        if not self.editable_mode:
            target = Path(self.build_lib, "vizreport", "lib")
            target.mkdir(parents=True, exist_ok=True)
            for library in LIBRARIES:
                shutil.copy2(library, target)


class BuildScripts(build_scripts):
    """Installs vizzytrace as it is: the stock command would parse it as text."""

    def run(self) -> None:
        """Copies the executable."""
        target = Path(self.build_dir)
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(VIZZYTRACE, target)

    def get_source_files(self) -> list[str]:
        """Nothing to put into an sdist: vizzytrace is built."""
        return []


class PlatformWheel(bdist_wheel):
    """A wheel for any Python 3 on this platform: the C parts don't use Python's API."""

    def get_tag(self) -> tuple[str, str, str]:
        """The stock platform tag, without the interpreter's."""
        return "py3", "none", super().get_tag()[2]


class BinaryDistribution(Distribution):
    """A distribution with compiled parts."""

    def has_ext_modules(self) -> bool:
        """True, although none is an extension module."""
        return True


(ROOT / "build").mkdir(exist_ok=True)  # egg_base in setup.cfg has to exist
setup(
    distclass=BinaryDistribution,
    cmdclass={
        "bdist_wheel": PlatformWheel,
        "build_py": BuildPy,
        "build_scripts": BuildScripts,
        "fetch_zstd": FetchZstd,
    },
    scripts=[str(VIZZYTRACE.relative_to(ROOT))],
    # setuptools.build_meta reports these to pip.
    setup_requires=[] if "fetch_zstd" in sys.argv else find_requirements(),
)

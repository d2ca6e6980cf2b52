"""Names as people write them, equal to c++filt's."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizreport.symbols.demangle import CommandDemangler, demangle, make_library_demangler
from vizreport.symbols.rust_names import demangle_rust

CXX = {
    "_Z3fooi": "foo(int)",
    "_ZNSt6vectorIiSaIiEE9push_backEOi": "std::vector<int, std::allocator<int> >::push_back(int&&)",
}
NOT_MANGLED = ("main", "_Z", "_Zé", "_Z" + "9" * 99, "_R", "_RNvC", "")
# Nor are these, which take no time to tell: a nested quantifier once took 12 s for 26 parts.
LONG = ("_ZN" + "1a" * 5000 + "E", "_ZN" + "9" * 5000 + "a17h0123456789abcdefE", "_ZN" + "1a" * 5000)
RUST = {
    "_ZN4core3fmt5Write9write_str17h0123456789abcdefE": "core::fmt::Write::write_str",
    "_ZN55_$LT$$RF$T$u20$as$u20$core..convert..AsRef$LT$U$GT$$GT$6as_ref17h0123456789abcdefE": (
        "<&T as core::convert::AsRef<U>>::as_ref"
    ),
    "_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE": "std::rt::lang_start::{{closure}}",
    "_RNvC6_123foo3bar": "123foo::bar",
    "_RNCNvC3foo3bars_0": "foo::bar::{closure#1}",
    "_RNvMC3fooNtB2_3Bar3baz": "<foo::Bar>::baz",
    "_RNvXC3fooNtB2_3BarNtB2_5Trait3baz": "<foo::Bar as foo::Trait>::baz",
    "_RINvC3foo3barhRSlTjEAmj8_E": "foo::bar::<u8, &[i32], (usize,), [u32; 8]>",
    "_RINvC3foo3barFUKCjEuE": 'foo::bar::<unsafe extern "C" fn(usize)>',
    "_RINvC3foo3barDNtB2_5Traitp4ItemjEL_E": "foo::bar::<dyn foo::Trait<Item = usize>>",
    "_RINvC3foo3barFG_RL0_hEhE": "foo::bar::<for<'a> fn(&'a u8) -> u8>",
    "_RINvC3foo3barKb1_Kc41_Klnff_E": "foo::bar::<true, 'A', -255>",
    "_RNvC3foou8gdel_5qa": "foo::gödel",
}


@pytest.mark.parametrize("mangled", CXX)
def test_cxx(mangled: str) -> None:
    if demangle(mangled) == mangled:
        pytest.skip("no C++ runtime here, and no c++filt")
    assert demangle(mangled) == CXX[mangled]


@pytest.mark.parametrize("mangled", RUST)
def test_rust(mangled: str) -> None:
    assert demangle(mangled) == RUST[mangled]


@pytest.mark.parametrize("name", NOT_MANGLED)
def test_what_is_not_mangled_stays(name: str) -> None:
    assert demangle(name) == name


@given(st.text("_RNCIMXYBKLTAFDGEsupchj0123456789abz", max_size=60))
def test_no_name_is_too_odd(name: str) -> None:
    demangle_rust(f"_R{name}")
    demangle_rust(f"_ZN{name}17h0123456789abcdefE")


def test_the_command_says_what_the_library_says() -> None:
    command = shutil.which("c++filt")
    if command is None:
        pytest.skip("c++filt is not installed (Debian package: binutils)")
    by_command, by_library = CommandDemangler(command), make_library_demangler("libstdc++.so.6")
    for name in [*CXX, "main", "_Z", "with\nnewline"]:
        assert by_command(name) == by_library(name)
    by_command.close()
    assert CommandDemangler("/no/such/command")("_Z3fooi") == "_Z3fooi"


def test_rust_names_of_a_program_equal_those_of_cxxfilt(tmp_path: Path) -> None:
    if shutil.which("rustc") is None or shutil.which("c++filt") is None:
        pytest.skip("rustc or c++filt is not installed")
    source, program = tmp_path / "a.rs", tmp_path / "a"
    source.write_text('fn main() { let mut v: Vec<_> = std::env::args().collect(); v.sort(); println!("{v:?}"); }\n')
    subprocess.run(["rustc", "-g", "-C", "symbol-mangling-version=v0", source, "-o", program], check=True)
    symbols = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    names = sorted({line.split()[-1] for line in symbols.splitlines() if line.split()[-1].startswith("_R")})
    said = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout
    assert len(names) > 100
    for name, expected in zip(names, said.splitlines(), strict=True):
        # c++filt shows the hashes of crates and the types of constants.
        without_hashes = re.sub(r"(?<=\w)\[[0-9a-f]{1,16}\]", "", expected)
        assert demangle_rust(name) == re.sub(r"(?<=[\w']): (?:[iu](?:size|\d+)|bool|char)\b", "", without_hashes)


@pytest.mark.parametrize("name", LONG, ids=len)
def test_long_names_that_are_not_rusts(name: str) -> None:
    assert demangle_rust(name) is None

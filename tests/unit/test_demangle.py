"""Names as people write them."""

import pytest

from vizreport.symbols.demangle import demangle


def test_demangling() -> None:
    if demangle("_Z3fooi") == "_Z3fooi":
        pytest.skip("no C++ runtime here")
    assert demangle("_Z3fooi") == "foo(int)"
    assert demangle("_ZNSt6vectorIiSaIiEE9push_backEOi") == "std::vector<int, std::allocator<int> >::push_back(int&&)"
    for name in ("main", "_Z", "_Zé", "_Z" + "9" * 99):
        assert demangle(name) == name

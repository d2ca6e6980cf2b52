"""Function names short enough to read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizreport.names import ELLIPSIS, shorten_name

STRING = "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >"


@pytest.mark.parametrize(
    ("name", "width", "expected"),
    [
        ("main", 80, "main"),
        ("operator new(unsigned long)", 80, "operator new(unsigned long)"),
        (f"{STRING}::_M_append(char const*, unsigned long)", 80, "std::string::_M_append(char const*, unsigned long)"),
        (
            f"std::vector<{STRING}, std::allocator<{STRING} > >::size() const",
            80,
            "std::vector<std::string>::size() const",
        ),
        (
            f"std::_Rb_tree<int, std::pair<int const, {STRING} >, std::_Select1st<int>, std::less<int>, "
            f"std::allocator<std::pair<int const, {STRING} > > >::find(int const&)",
            100,
            "std::_Rb_tree<int, std::pair<int const, std::string>, std::_Select1st<int>>::find(int const&)",
        ),
        (
            "std::map<int, std::map<int, float> >::find(int const&)",
            50,
            "std::map<int, std::map<int, float>>::find(...)",
        ),
        ("std::map<int, std::map<int, float> >::find(int const&)", 40, "std::map<int, std::map<...>>::find(...)"),
        ("std::map<int, std::map<int, float> >::find(int const&)", 30, "std::map<...>::find(...)"),
        ("std::ostream& ns::operator<< <char>(std::ostream&)", 40, "std::ostream& ns::operator<< <char>(...)"),
        ("Foo::operator->() const", 80, "Foo::operator->() const"),
        ("(anonymous namespace)::parse(int)", 80, "(anonymous namespace)::parse(int)"),
        ("auto f(int) -> decltype(x)", 80, "auto f(int) -> decltype(x)"),
        ("<alloc::vec::Vec<T> as core::iter::Iterator>::next", 40, "<...>::next"),
        ("a_function_in_c_with_a_long_name", 20, "..._with_a_long_name"),
        ("a<b", 80, "a<b"),
    ],
)
def test_short_names(name: str, width: int, expected: str) -> None:
    assert shorten_name(name, width) == expected


@given(st.text(alphabet="ab:<>(){}, -\U0001f600", max_size=60), st.integers(4, 60))
def test_any_text_fits(name: str, width: int) -> None:
    short = shorten_name(name, width)
    assert len(short) <= width
    assert bool(short) == bool(name)


@given(st.recursive(st.sampled_from(["int", "ns::T", "std::less"]), lambda inner: st.tuples(inner, inner).map(
    lambda pair: f"std::map<{pair[0]}, {pair[1]}>")), st.integers(10, 100))  # fmt: skip
def test_brackets_still_match_unless_the_beginning_is_cut(name: str, width: int) -> None:
    short = shorten_name(name, width)
    if not short.startswith(ELLIPSIS):
        assert short.count("<") == short.count(">")
        assert shorten_name(short, width) == short

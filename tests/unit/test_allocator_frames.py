"""Which frames are left out at the leaf end of a call stack."""

import pytest

from vizreport.analysis.allocator_frames import fold_stack, is_allocator_frame
from vizreport.model.frames import Frame

STRING = "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >"


def frame(function: str | None, module: str = "/usr/bin/prog") -> Frame:
    return Frame(function, module, 0x10)


@pytest.mark.parametrize(
    "function",
    [
        "malloc",
        "__libc_calloc",
        "_int_malloc",
        "tc_newarray",
        "operator new(unsigned long)",
        "operator new[](unsigned long, std::nothrow_t const&)",
        "std::__new_allocator<int>::allocate(unsigned long, void const*)",
        "__gnu_cxx::new_allocator<std::pair<int const, char> >::allocate(unsigned long, void const*)",
        "std::allocator_traits<std::allocator<int> >::allocate(std::allocator<int>&, unsigned long)",
        "std::allocator<std::function<void (int)> >::allocate(unsigned long)",
        "std::_Vector_base<int, std::allocator<int> >::_M_allocate(unsigned long)",
        f"std::_Rb_tree<int, std::pair<int const, {STRING} >, std::less<int> >::_M_get_node()",
        "std::__detail::_Hashtable_alloc<std::allocator<int> >::_M_allocate_buckets(unsigned long)",
        "std::__1::allocator<int>::allocate[abi:v160006](unsigned long)",
        "void* std::__1::__libcpp_operator_new[abi:ne180100]<unsigned long>(unsigned long)",
        "__rust_alloc",
        "alloc::alloc::alloc",
        "alloc::alloc::exchange_malloc::h0123456789abcdef",
        "<alloc::alloc::Global as core::alloc::Allocator>::allocate",
        "alloc::alloc::Global::alloc_impl",
        "<alloc::raw_vec::RawVecInner>::try_allocate_in",
        "alloc::raw_vec::RawVecInner<A>::try_allocate_in",
        "alloc::boxed::box_new_uninit",
        "_PyObject_Malloc",
        "PyMem_RawCalloc",
        "_PyMem_DebugRawAlloc",
        "allocate_from_new_pool",
    ],
)
def test_allocators(function: str) -> None:
    assert is_allocator_frame(frame(function))


@pytest.mark.parametrize(
    "function",
    [
        None,
        "main",
        "new",
        "xmalloc",
        "strdup",
        "PyList_New",
        "PyObject_GC_NewVar",
        "mallocate",
        "my::malloc(int)",
        "Pool<int, std::allocator<int> >::allocate(unsigned long)",
        "std::vector<int, std::allocator<int> >::push_back(int const&)",
        f"{STRING}::_M_create(unsigned long&, unsigned long)",
        "void foo<std::allocator<int> >(int)",
        "alloc::raw_vec::RawVec<T,A>::grow_one",
        "alloc::string::String::push",
        "alloc::boxed::Box<T>::new",
    ],
)
def test_others(function: str | None) -> None:
    assert not is_allocator_frame(frame(function))


def test_libraries_of_allocators() -> None:
    assert is_allocator_frame(frame(None, "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"))
    assert is_allocator_frame(frame("inner", "/opt/libtcmalloc_minimal.so.4"))
    assert not is_allocator_frame(frame("inner", "/usr/lib/libmy_tcmalloc_user.so"))
    assert not is_allocator_frame(Frame(None, None, 0x10))


def test_only_the_leaf_end_is_folded() -> None:
    new, main, malloc = frame("operator new(unsigned long)"), frame("main"), frame("malloc")
    assert fold_stack((malloc, new, main, new)) == (main, new)
    assert fold_stack((main,)) == (main,)
    assert fold_stack((malloc, new)) == (new,)
    assert fold_stack(()) == ()

"""Which frames belong to an allocator and say nothing about who wanted the memory. The one place that decides it.

Reports leave such frames out at the leaf end of a call stack, so that a stack begins at its call site; stacks that are
equal then count as one. Elsewhere in a stack they stay.

Not in the list: strdup, asprintf, getline, xmalloc, g_malloc, and the functions by which containers grow. They too
allocate for their caller, but which of them it was tells the reader something.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePath

from vizreport.model.frames import Frame

_ALLOCATE = "(?:malloc|calloc|realloc|reallocarray|memalign|aligned_alloc|posix_memalign|valloc|pvalloc)"

_FUNCTIONS = (
    # malloc and its relatives, by all the names that C libraries and other allocators give them: one calls the other.
    rf"(?:__libc_|__GI___libc_|_int_|je_|rje_|_rjem_|mi_|tc_)?{_ALLOCATE}",
    "(?:mi|tc)_(?:new|newarray|new_n|zalloc|mallocn)(?:_nothrow|_aligned)*",
    # operator new calls malloc, which is where a call is recorded.
    r"operator new(?:\[\])?",
    # libstdc++: the allocators, and what its containers call them by. One line each, mostly inlined.
    r"std::(?:__)?(?:new_)?allocator<.*>::_?\w*allocate",
    r"__gnu_cxx::(?:new|malloc)_allocator<.*>::allocate",
    r"std::allocator_traits<.*>::_?\w*allocate",
    r"std::(?:__cxx11::|__detail::)?_\w+<.*>::_M_(?:allocate\w*|get_node)",
    r"(?:[\w:<>, *]* )?std::__allocate_guarded(?:_\w+)?<.*>",
    # libc++: the same.
    r"std::__(?:1|ndk1)::allocator(?:_traits)?<.*>::allocate\w*",
    r"(?:\S+ )?std::__(?:1|ndk1)::__\w*(?:allocate|operator_new)\w*(?:<.*>)?",
    # Rust: from alloc's interface down to the symbols that the compiler makes.
    r"(?:__rustc::)?(?:__rust|__rdl|__rg)_(?:alloc|alloc_zeroed|realloc)",
    "alloc::alloc::(?:alloc|alloc_zeroed|realloc|exchange_malloc)",
    r"alloc::boxed::box_new_uninit|<?alloc::raw_vec::RawVec(?:Inner)?(?:<.*>)?>?::try_allocate_in",
    r"<?alloc::alloc::Global(?: as core::alloc::Allocator)?>?::\w+",
    r"(?:std::sys::(?:\w+::)*)?<impl core::alloc::global::GlobalAlloc for std::alloc::System>::\w+",
    r"<?std::alloc::System(?: as core::alloc::(?:global::)?(?:GlobalAlloc|Allocator))?>?::\w+",
    # CPython: its allocators, which all objects ask, and what the one for small objects consists of.
    "_?Py(?:Object_|Mem_(?:Debug)?(?:Raw)?)(?:Malloc|Calloc|Realloc|Alloc)",
    "pymalloc_(?:alloc|realloc)|allocate_from_new_pool|new_arena|_PyObject_Arena(?:Malloc|Mmap)",
)
# Parameters, the ABI tags of C++ and the hash of Rust may follow.
_FUNCTION = re.compile(
    rf"(?:{'|'.join(_FUNCTIONS)})(?:\[abi:\w+\])*(?:::h[0-9a-f]{{16}})?(?:<.*>)?(?:\(.*)?", re.DOTALL
)
# All that lies in an allocator's own library.
_LIBRARY = re.compile(r"lib(?:jemalloc|tcmalloc\w*|mimalloc[\w-]*|snmalloc\w*|hoard|scudo\w*)\.so(?:\..*)?")


@lru_cache(maxsize=1 << 16)
def is_allocator_frame(frame: Frame) -> bool:
    """Tells whether a frame belongs to an allocator."""
    if frame.function is not None and _FUNCTION.fullmatch(frame.function):
        return True
    return frame.module is not None and _LIBRARY.fullmatch(PurePath(frame.module).name) is not None


def fold_stack(stack: Sequence[Frame]) -> tuple[Frame, ...]:
    """Returns the stack, leaf first, from its call site on; its outermost frame where all are an allocator's."""
    for at, frame in enumerate(stack):
        if not is_allocator_frame(frame):
            return tuple(stack[at:])
    return tuple(stack[-1:])

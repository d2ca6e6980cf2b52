"""Which module held an address: docs/trace-format.md, section 4, "NODES"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vizreport.model.trace import Module


def find_modules(
    modules: Sequence[Module], addresses: NDArray[np.uint64], generations: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """Returns for each address the module that held it in its code generation.

    Args:
        modules: Of one image.
        addresses: uint64[n], in the image's address space.
        generations: uint32[n].

    Returns:
        int64[n], indexes of ``modules``; -1: none held it. The latest loaded, if several did.
    """
    found = np.full(len(addresses), -1, dtype=np.int64)
    for index in sorted(range(len(modules)), key=lambda index: modules[index].generation):
        module = modules[index]
        held = (addresses >= np.uint64(module.start)) & (addresses < np.uint64(module.end))
        held &= generations >= module.generation
        if module.gone is not None:
            held &= generations < module.gone
        found[held] = index
    return found

"""The project's code. Importing it makes NumPy and OpenBLAS compute the same on every processor.

BLIS, OpenBLAS and NumPy choose their kernels, the routines that compute, by the processor that they
find at run time, and kernels add numbers in different orders. On Linux on x86-64 the kernels are
chosen here that every processor with AVX2 and FMA can run (Intel since 2013, AMD since 2017), so
that all of these give the same bytes. On other processors and systems each library chooses for
itself (docs/proof.md). The choice is read when NumPy is imported, so this comes before.
"""

import os
import platform
from pathlib import Path

KERNELS = {
    "OPENBLAS_CORETYPE": "Haswell",
    # All that is above AVX2, by the names of NumPy 2.2 and of later versions; it ignores names that
    # it does not know.
    "NPY_DISABLE_CPU_FEATURES": (
        "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4"
    ),
}


def can_choose() -> bool:
    """Return whether this is Linux on an x86-64 processor that can run the chosen kernels."""
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not cpuinfo.exists():
        return False
    flags = next((x for x in cpuinfo.read_text().splitlines() if x.startswith("flags")), "")
    return {"avx2", "fma"} <= set(flags.split())


if can_choose():
    os.environ.update(KERNELS)

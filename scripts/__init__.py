"""The project's code. Importing it comes before NumPy, which only then looks what it shall take.

BLIS, OpenBLAS and NumPy choose at run time, by the processor, among kernels that add in another
order. Here are chosen, for Linux on x86-64, those that every processor with AVX2 and FMA can run
(Intel since 2013, AMD since 2017), so that they all give the same bytes. Where a processor has not
these, or on another system, each library chooses as it likes: docs/proof.md.
"""

import os
import platform
from pathlib import Path

KERNELS = {
    "OPENBLAS_CORETYPE": "Haswell",
    # What lies above AVX2, in the names of NumPy 2.2 and of later ones; it passes over others.
    "NPY_DISABLE_CPU_FEATURES": (
        "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4"
    ),
}


def can_choose() -> bool:
    """Whether the processor can run the chosen kernels."""
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not cpuinfo.exists():
        return False
    flags = next((x for x in cpuinfo.read_text().splitlines() if x.startswith("flags")), "")
    return {"avx2", "fma"} <= set(flags.split())


if can_choose():
    os.environ.update(KERNELS)

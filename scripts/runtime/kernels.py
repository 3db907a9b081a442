"""Run a module with kernels that compute the same bytes on every processor.

    python -m scripts.runtime.kernels spacy train training/config.cfg ...

does what `python -m spacy train ...` does. A kernel is a routine of BLIS or NumPy that computes
matrix products and the like; scripts/__init__.py chooses NumPy's.
"""

import ctypes
import runpy
import sys

from scripts import can_choose

BLIS = "haswell"


def choose_blis() -> str | None:
    """Make BLIS use the kernels that every processor with AVX2 can run.

    BLIS has no switch for this, and it uses its slowest kernels on processors that it does not
    know, such as AMD's since 2020. It looks its kernels up in a table. Here that table is filled by
    the function of BLIS that fills it on a Haswell processor.

    Returns the name of the kernels, or None where the processor or this BLIS does not have them.
    """
    import blis.cy

    library = ctypes.CDLL(blis.cy.__file__)
    fill = getattr(library, f"bli_cntx_init_{BLIS}", None)
    if not fill or not can_choose():
        return None
    library.bli_init()
    library.bli_gks_query_cntx.restype = ctypes.c_void_p
    fill(ctypes.c_void_p(library.bli_gks_query_cntx()))
    return BLIS


def main() -> None:
    """Run the module that the command line names, with the arguments behind it."""
    sys.argv = sys.argv[1:]
    choose_blis()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

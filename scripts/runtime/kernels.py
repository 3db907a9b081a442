"""Run a module with the kernels chosen that compute spaCy's matrix products.

    python -m scripts.runtime.kernels spacy train training/config.cfg ...

as `python -m spacy train ...` would, with those kernels of BLIS, and of NumPy (__init__.py), that
give the same bytes on other processors.
"""

import ctypes
import runpy
import sys

from scripts import can_choose

BLIS = "haswell"


def choose_blis() -> str | None:
    """Make BLIS take the kernels that every processor with AVX2 can run; return their name.

    It has no switch for this, and takes its slowest kernels on processors that it does not know,
    which are AMD's since 2020. So here is done what it does on one that it knows: the table of
    kernels that its products go through is filled by its own function, that of `haswell`.
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
    """Run a module with its arguments."""
    sys.argv = sys.argv[1:]
    choose_blis()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

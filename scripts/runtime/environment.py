"""Write down what the results depend on besides the commit: system, Python, kernels, versions.

    python -m scripts.runtime.environment training/environment.json

The file is the same on every processor that can run the kernels that scripts/__init__.py chooses,
so the files of two machines differ only where their results may differ.
"""

import ctypes
import platform
import sys
from pathlib import Path

import srsly
import typer

from scripts.exceptions import door
from scripts.params import load_params
from scripts.runtime.gpu import refuse_missing_gpu
from scripts.runtime.kernels import choose_blis
from scripts.runtime.requirements import requirements_of


def describe_environment() -> dict:
    """Return the system, Python, the kernels, and the versions of spaCy and of what it needs."""
    blis = choose_blis() or name_blis()
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()),
        "python": ".".join(map(str, sys.version_info[:2])),
        "kernels": {
            "blis": blis,
            "numpy": [name for name in __cpu_dispatch__ if __cpu_features__[name]],
        },
        "versions": requirements_of("spacy"),
    }


def name_blis() -> str:
    """Return the name of the kernels that BLIS chose by itself."""
    import blis.cy

    library = ctypes.CDLL(blis.cy.__file__)
    if not hasattr(library, "bli_arch_string"):
        return "unknown"
    library.bli_arch_string.restype = ctypes.c_char_p
    return library.bli_arch_string(library.bli_arch_query_id()).decode()


@door
def main(output: Path) -> None:
    """Check params.yaml, before anything in it reaches a command line, and write the file.

    If it names a GPU, there must be one: this is the last moment before `spacy train` asks for it.
    """
    refuse_missing_gpu(load_params().training.gpu_id)
    srsly.write_json(output, describe_environment())


if __name__ == "__main__":
    typer.run(main)

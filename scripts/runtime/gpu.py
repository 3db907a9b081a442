"""Whether the GPU that params.yaml names can be used here."""

import platform

from scripts.exceptions import ParamsError


def refuse_missing_gpu(gpu_id: int) -> None:
    """Raise ParamsError, with what to install or to set, where spaCy cannot use a GPU.

    gpu_id: `training.gpu_id` of params.yaml; -1 is the CPU, which is always there.
    """
    if gpu_id < 0:
        return
    from thinc import compat  # here, because it is heavy, and the CPU needs none of it

    on_mac = platform.system() == "Darwin"
    if not on_mac and not compat.has_cupy:
        reason = (
            "CuPy, by which spaCy uses a GPU, is not installed: python -m pip install "
            "'spacy[cuda12x]' (nvidia-smi shows which CUDA there is)"
        )
    elif not (compat.has_torch_mps_gpu if on_mac else compat.has_cupy_gpu):
        reason = "no GPU is found here: look at nvidia-smi" if not on_mac else "no GPU is found"
    elif not on_mac and gpu_id >= (found := compat.cupy.cuda.runtime.getDeviceCount()):
        reason = f"there are {found} here, counted from 0"
    else:
        return
    raise ParamsError(f"training.gpu_id is {gpu_id}, but {reason}; or set it to -1, the CPU.")

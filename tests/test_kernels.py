"""The chosen kernels compute what they should, whatever the processor would choose."""

import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import srsly
from blis.py import gemm

from scripts import KERNELS, can_choose
from scripts.runtime.environment import describe_environment, main
from scripts.runtime.kernels import choose_blis
from scripts.runtime.requirements import requirements_of
from tests.conftest import ROOT, world_values

SHAPES = [(1, 1, 1), (3, 5, 7), (64, 64, 64), (300, 288, 289), (1, 384, 128), (1000, 96, 33)]
PROBE = """
import ctypes, hashlib, sys
import scripts, blis.cy, numpy
from blis.py import gemm
from scripts.runtime.kernels import choose_blis
library = ctypes.CDLL(blis.cy.__file__)
library.bli_init()
library.bli_gks_query_cntx.restype = ctypes.c_void_p
if sys.argv[1]:
    getattr(library, sys.argv[1])(ctypes.c_void_p(library.bli_gks_query_cntx()))
if sys.argv[2]:
    choose_blis()
random = numpy.random.default_rng(0)
product = gemm(random.random((300, 288), "float32"), random.random((288, 96), "float32"))
print(hashlib.sha256(product.tobytes()).hexdigest())
"""
needs_choice = pytest.mark.skipif(not can_choose(), reason="the kernels are not chosen here")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True)])
def test_products_are_right(shape: tuple[int, int, int], turned: tuple[bool, bool]) -> None:
    choose_blis()
    rows, inner, columns = shape
    random = numpy.random.default_rng(0)
    one = random.standard_normal((inner, rows) if turned[0] else (rows, inner))
    other = random.standard_normal((columns, inner) if turned[1] else (inner, columns))
    wanted = (one.T if turned[0] else one) @ (other.T if turned[1] else other)
    found = gemm(one.astype("float32"), other.astype("float32"), trans1=turned[0], trans2=turned[1])
    numpy.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)


@needs_choice
def test_bits_do_not_depend_on_what_the_processor_would_choose() -> None:
    def product(processors: str, chosen: str) -> str:
        command = [sys.executable, "-c", PROBE, processors, chosen]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    unknown = product("bli_cntx_init_generic", "")
    assert product("bli_cntx_init_generic", "yes") == product("", "yes") != unknown


@needs_choice
def test_numpy_takes_no_kernel_above_avx2() -> None:
    code = "import os, scripts; from scripts.runtime.environment import describe_environment as d; "
    code += "print(d()['kernels']['numpy'])"
    said = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "AVX512" not in said and "X86_V4" not in said
    assert set(KERNELS) == {"OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES"}


def test_a_module_runs_with_its_arguments_and_its_exit_code() -> None:
    command = [sys.executable, "-m", "scripts.runtime.kernels", "spacy"]
    help_ = subprocess.run([*command, "train", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert help_.returncode == 0 and "--gpu-id" in help_.stdout
    assert subprocess.run([*command, "nothing"], cwd=ROOT, capture_output=True).returncode == 2


# The environment


def test_everything_that_spacy_needs_is_named_with_its_version() -> None:
    found = requirements_of("spacy>=3")
    assert {"spacy", "thinc", "numpy", "blis", "cymem", "murmurhash"} <= set(found)
    assert not {"dvc", "pandas", "pytest", "jax"} & set(found)
    assert found["numpy"] == numpy.__version__


def test_the_environment_is_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    texts = []
    for number, zone in enumerate(("UTC", "Asia/Tokyo")):
        path = tmp_path / f"{number}.json"
        env = {"PYTHONHASHSEED": str(number), "TZ": zone, "PATH": "", "LC_ALL": "C"}
        command = [sys.executable, "-m", "scripts.runtime.environment", str(path)]
        subprocess.run(command, cwd=ROOT, env=env, check=True)
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]
    # NumPy was here before the project: what it takes is another matter in this process.
    assert srsly.json_loads(texts[0])["versions"] == describe_environment()["versions"]


def test_wrong_params_stop_before_a_command_line_is_made_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = world_values(tmp_path)
    values["training"]["gpu_id"] = "0; touch x"
    srsly.write_yaml(tmp_path / "params.yaml", values)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(Path("environment.json"))
    assert left.value.code == 1 and not Path("environment.json").exists()

"""What every test relies on: an environment that is the same everywhere, and the folders of test data."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# No test is a race: a machine may have other work.
settings.register_profile("mqwen", deadline=None)
settings.load_profile("mqwen")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

# Before torch or Qt is imported, here and in every process that a test starts.
os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX512_CORE_BF16"  # bf16 with AMX can die with SIGILL on virtual machines
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if os.environ.get("MQWEN_TEST_GPU") != "1":  # for `-m gpu`
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the suite says the same on a machine with a GPU
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["PYTHONUTF8"] = "1"

# The user's own models, runs and settings are neither read nor written.
_HOME = Path(tempfile.mkdtemp(prefix="mqwen-tests-"))
for _name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HF_HOME"):
    os.environ[_name] = str(_HOME / _name.lower())
os.environ["MQWEN_DATA_DIR"] = str(_HOME / "data")


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """tests/data: what is committed."""
    return ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder beside the checkout that the makers of MQwen share; a clone from elsewhere does without."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here: it holds test data that is not part of the repository")
    return SHARED


@pytest.fixture(scope="session")
def photos_folder(shared_folder: Path) -> Path:
    """Sixty awkward real files (INDEX.txt tells source and licence); read-only: copy before writing."""
    return shared_folder / "photos"


@pytest.fixture
def quick_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty folder in memory where the system has such a place: for tests that sync hundreds of files."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="mqwen-", dir="/dev/shm") as folder:
        yield Path(folder)

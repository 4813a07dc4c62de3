"""Fetches the pinned NVRTC into a folder: `python3 kernels/jit/fetch_nvrtc.py target/nvrtc`.

Two libraries out of one wheel, checked by its digest. The folder appears whole or not at all. The index that pip is
configured with is used.
"""

import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "nvidia-cuda-nvrtc==13.0.88"
LIBRARIES = ("libnvrtc.so.13", "libnvrtc-builtins.so.13.0")
# sha256 of the wheel, and the platform it is for.
WHEELS = {
    "x86_64": (
        "manylinux2010_x86_64",
        "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
    ),
}


def fetch(folder: pathlib.Path) -> None:
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in WHEELS:
        sys.exit(f"no NVRTC is pinned for {platform.system()} {machine}; install the CUDA toolkit and set TOUCHSTONE_NVRTC")
    tag, digest = WHEELS[machine]
    stamp = folder / "wheel.sha256"
    if stamp.is_file() and stamp.read_text() == digest and all((folder / library).is_file() for library in LIBRARIES):
        for library in LIBRARIES:
            (folder / library).touch()
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".nvrtc-", dir=folder.parent) as temporary:
        print(f"fetching {PACKAGE} (90 MB)", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--platform", tag, "--dest", temporary, PACKAGE]
        outcome = subprocess.run(command, check=False)
        wheels = list(pathlib.Path(temporary).glob("*.whl"))
        if outcome.returncode != 0 or len(wheels) != 1:
            sys.exit(f"pip cannot fetch {PACKAGE}; needs pip and a package index (PIP_INDEX_URL)")
        found = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
        if found != digest:
            sys.exit(f"{wheels[0].name} has sha256 {found}, and {digest} is pinned; nothing was installed")
        part = pathlib.Path(temporary) / "nvrtc"
        part.mkdir()
        with zipfile.ZipFile(wheels[0]) as archive:
            members = {name.rsplit("/", 1)[-1]: name for name in archive.namelist()}
            for library in LIBRARIES:
                if library not in members:
                    sys.exit(f"{wheels[0].name} has no {library}")
                with archive.open(members[library]) as source, (part / library).open("wb") as target:
                    shutil.copyfileobj(source, target)
        (part / stamp.name).write_text(digest)
        if folder.exists():
            # Of an older pin.
            shutil.rmtree(folder)
        os.rename(part, folder)
    print(f"NVRTC is in {folder}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    fetch(pathlib.Path(sys.argv[1]))

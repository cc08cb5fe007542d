"""The benchmark's own venv, and the programs that it starts.

Standard library only: this runs before there is a venv.
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VENV = HERE / ".venv"
REQUIREMENTS = (ROOT / "requirements.txt", HERE / "requirements.txt")


def enter_venv() -> None:
    """Go on in the venv with the same arguments; made first if it must be."""
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    python = VENV / "bin/python"
    wanted = sys.version + "".join(path.read_text() for path in REQUIREMENTS)
    made_from = VENV / "made-from"
    if not made_from.exists() or made_from.read_text() != wanted:
        print(f"making {VENV} ...", file=sys.stderr)
        venv.create(VENV, clear=True, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
        install.append("--disable-pip-version-check")
        for path in REQUIREMENTS:
            install += ["-r", str(path)]
        subprocess.run(install, check=True)
        made_from.write_text(wanted)
    os.chdir(ROOT)
    os.execv(python, [str(python), "-m", "tests.bench", *sys.argv[1:]])


def require(program: str, *packages: str) -> None:
    """Install Debian's packages if `program` is missing, or exit."""
    if shutil.which(program):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        # The list may be old, and then names versions that are gone.
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends"]
        subprocess.run([*command, *packages], check=False, stdout=subprocess.DEVNULL)
    if not shutil.which(program):
        missing = " ".join(packages)
        sys.exit(f"tests.bench needs {program}; as root: apt-get install {missing}")

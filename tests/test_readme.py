"""The README keeps its word: its tour works, its tables are complete."""

import json
import re
import subprocess
from pathlib import Path

from authserver.settings import Settings
from authserver.web.api.routes import ROUTES
from tests.processes import ServerProcess

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def tour() -> str:
    """The lines that a newcomer pastes into the second terminal."""
    found = re.search(r"```sh\n(JSON=.*?)```", README, re.DOTALL)
    assert found
    return found[1]


def test_tour_pasted_line_by_line_gives_what_it_says(tmp_path):
    server = ServerProcess(tmp_path).start()
    try:
        (tmp_path / "console.txt").symlink_to(tmp_path / "console")
        pasted = tour().replace("localhost:8080", f"localhost:{server.port}")
        done = subprocess.run(
            ["bash"], input=pasted, cwd=tmp_path, capture_output=True, text=True
        )
    finally:
        server.kill()

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    told = [each.get("message") or each.get("code") or min(each) for each in answers]
    assert done.stderr == ""
    assert told == [
        "User registered successfully",
        "Account verified successfully",
        "Login successful",
        "Hello, alice. You are logged in.",
        "Hello, alice. You are logged in.",
        "access_token",
        "OTP sent successfully",
        "OTP verified. Proceed to reset password.",
        "Password reset successful",
        "invalid_token",
        "Login successful",
        "sessions",
        "Logged out",
    ]


def test_every_path_and_setting_is_in_a_table():
    rows = "\n".join(line for line in README.splitlines() if line.startswith("|"))
    paths = {path for route in ROUTES for path in route.paths}
    settings = {name.upper() for name in Settings.declared()}

    # A problem's page is found by the `type` of an error, not by its path.
    assert {p for p in paths if f"{p}`" not in rows} == {"/problems/{code}"}
    assert {each for each in settings if f"`{each}`" not in rows} == set()


def test_every_file_named_in_the_reading_order_exists():
    package = Path(__file__).parent.parent / "authserver"
    part = README[README.index("## Reading the code") : README.index("## Tests")]
    names = set(re.findall(r"`([a-z_/]+(?:\.py|/)?)`", part))
    known = {path.stem for path in package.rglob("*.py")}
    missing = {
        name
        for name in names
        if not (package / name).exists()
        and not (package.parent / name).exists()
        and name.removesuffix(".py").split("/")[-1] not in known
    }

    assert missing == set()


def test_every_picture_is_there_and_small():
    pictures = re.findall(r'<img src="([^"]+)" alt="[^"]+', README)

    sizes = [(ROOT / each).stat().st_size for each in pictures]

    assert len(sizes) == 3
    assert max(sizes) < 64 * 1024

"""Thousands of requests made from the OpenAPI document, against a real server.

Schemathesis reads /openapi.json and sends what fits it and what almost fits:
bodies with and without each name, of every type and length, unknown methods,
requests with no credential. It judges every answer by the document: no 5xx, no
status that is not in it, no body that breaks its schema, nothing refused that
fits, nothing accepted that does not.
"""

import re
import subprocess
import sys
from collections import Counter

from tests.processes import ROOT, ServerProcess, environment, join

AT_LEAST = 2000
PATIENCE_S = 600  # normally half a minute
BOB_PASSWORD = "nobody makes this up"
ACCESS = re.compile(r" access \S+ \S+ [A-Z]+ \S+ ([0-9]{3}) ")
# Else limits would answer almost everything.
PATIENT = {
    "ADDRESS_REQUESTS_PER_MINUTE": "100000",
    "ADDRESS_FAILURES_PER_HOUR": "100000",
    "OTP_REQUESTS_PER_MINUTE": "60",
    "TRUSTED_PROXIES": "127.0.0.1/32",
    "BCRYPT_ROUNDS": "4",
}


def generate(server: ServerProcess) -> subprocess.CompletedProcess[str]:
    """Run schemathesis to its end."""
    url = f"http://127.0.0.1:{server.port}"
    config = ROOT / "tests/fuzz/schemathesis.toml"
    command = ("-m", "schemathesis.cli", "--config-file", str(config), "run")
    return subprocess.run(
        (sys.executable, *command, f"{url}/openapi.json", "--url", url),
        cwd=server.folder,
        env=environment(
            {
                "PYTHONPATH": str(ROOT),
                "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
                "FUZZED_URL": url,
                "FUZZED_PASSWORD": BOB_PASSWORD,
            }
        ),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_no_made_up_request_gets_an_answer_that_is_not_documented(tmp_path):
    server = ServerProcess(tmp_path, PATIENT).start()
    try:
        join(server)
        join(server, "bob", password=BOB_PASSWORD)
        done = generate(server)
    finally:
        server.kill()

    statuses = Counter(ACCESS.findall(server.log()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert statuses.total() >= AT_LEAST
    assert statuses["200"] + statuses["201"] >= AT_LEAST / 10  # some get through
    assert not [status for status in statuses if status >= "500"]
    assert not re.findall(" ERROR .*", server.log())

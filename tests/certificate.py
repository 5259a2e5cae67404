"""A certificate for 127.0.0.1 that nobody but a test or a benchmark believes."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

OPENSSL: Final = shutil.which("openssl")
"""What makes it, if it is installed."""


def make_certificate(folder: Path, days: int = 2) -> tuple[Path, Path]:
    """Certificate and key, signed by itself and valid for so many days; needs OPENSSL."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    made = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days {days}"
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        [OPENSSL or "openssl", *made.split(), *names, *files], check=True, capture_output=True
    )
    return certificate, key

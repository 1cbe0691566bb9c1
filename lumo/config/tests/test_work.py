"""What a sending process is made of."""

import subprocess
import sys

_LOADED = """
import sys
import lumo.config.cli, lumo.config.cli.run, lumo.config.work
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"django", "uvicorn", "a2wsgi"}))
"""


def test_a_sending_process_imports_no_django_and_no_web_server() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""

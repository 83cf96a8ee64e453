# SPDX-License-Identifier: PostgreSQL
"""Load by pgbench, with and without a limit of its rate."""

import os
import re
import subprocess

from processes import stop
from servers import BIN


class Load:
    """A run of pgbench in the background.  `script` is a file, or the name of a built-in one."""

    def __init__(
        self, postgres, database, script, seconds, clients=4, rate=None, sync=True, protocol="prepared"
    ):
        command = [BIN / "pgbench", "--no-vacuum", "--client", clients, "--jobs", min(clients, 2)]
        command += ["--time", seconds, "--protocol", protocol]
        command += ["--rate", rate] if rate else []
        command += ["--file", script] if os.path.exists(script) else ["--builtin", script]
        command += ["-h", postgres.directory, "-U", "postgres", database]
        options = f"-c synchronous_commit={'on' if sync else 'off'}"
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PGOPTIONS": options},
        )

    def runs(self):
        return self._process.poll() is None

    def finish(self):
        """Waits for its end; returns transactions and transactions per second."""
        output, errors = self._process.communicate()
        if self._process.returncode != 0:
            raise RuntimeError(f"pgbench failed: {errors.strip()[-2000:]}")
        count = re.search(r"actually processed: (\d+)", output)
        rate = re.search(r"tps = ([0-9.]+)", output)
        return int(count[1]), float(rate[1])

    def cancel(self):
        stop(self._process)

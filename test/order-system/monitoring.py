# SPDX-License-Identifier: PostgreSQL
"""The monitoring commands of the example's README, run as they stand there."""

import asyncio
import os
import shutil

from system import EXAMPLE, TREE
from time_limit import seconds

TOOLS = TREE / "build" / "order-system" / "bin"


def commands():
    readme = (EXAMPLE / "README.md").read_text()
    lines = [line.strip() for line in readme.splitlines() if line.startswith("    nats ")]
    return [line for line in lines if not line.endswith("&")]


def missing_program():
    """The program that the commands need and that is not there, or None."""
    path = f"{TOOLS}:{os.environ['PATH']}"
    return next((name for name in ("nats", "jq") if not shutil.which(name, path=path)), None)


async def run_command(command, nats_url):
    """Returns its output, or None if it fails."""
    env = {
        **os.environ,
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "NATS_URL": nats_url,
        "XDG_CONFIG_HOME": "/nonexistent",  # no context of the user's
    }
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-o",
        "pipefail",
        "-c",
        command,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds(30))
    except TimeoutError:
        process.kill()
        return None
    return output.decode() if process.returncode == 0 else None


def shows_what_it_should(command, output):
    """Whether the output of a command that has run tells of what was asked."""
    if "| jq" in command:
        return output.strip() == "0"
    if "orders" in command:
        return "order-processor" in output
    return "JetStream Account Information" in output


async def enter_monitoring(system, books):
    missing = missing_program()
    if missing:
        books.skip("monitoring: commands of the README", f"no {missing}")
        return
    good = 0
    for command in commands():
        output = await run_command(command, system.nats_url)
        if output is not None and shows_what_it_should(command, output):
            good += 1
        else:
            print(f"order-system: {command}: {output}")
    books.must_be("monitoring: commands of the README", len(commands()), good)

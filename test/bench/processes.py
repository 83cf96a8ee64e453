# SPDX-License-Identifier: PostgreSQL
"""Processes of one run: started, measured, and in the end all stopped, each by its pid."""

import os
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
_started = []


class Stopwatch:
    def __init__(self):
        self._started = time.monotonic()

    def seconds(self):
        return time.monotonic() - self._started


def wait_until(what, condition, timeout=60, pause=0.02):
    """Returns the first true result of the condition."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain until {what}")
        time.sleep(pause)


def run(command, text=""):
    """The output of a command that reads `text`; its errors are raised if it fails."""
    done = subprocess.run(
        [str(part) for part in command], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def start(command, log):
    """A server; stop_all() ends it at the latest."""
    with open(log, "ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    _started.append(process)
    return process


def stop_all():
    for process in reversed(_started):
        stop(process, signal.SIGINT)


def stop(process, how=signal.SIGTERM):
    if process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stat(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def cpu_seconds(pid, ended_children=False):
    """User and system time of a process, with that of the children it has waited for or without."""
    fields = _stat(pid)
    return sum(int(ticks) for ticks in fields[11 : 15 if ended_children else 13]) / TICK


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and int(_stat(name)[1]) == pid:
                found.append(int(name))
        except OSError:  # it has just ended
            continue
    return found


def peak_memory_mb(pid):
    """Most resident memory so far, shared buffers that it has touched included."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    raise RuntimeError(f"no VmHWM of process {pid}")

# SPDX-License-Identifier: PostgreSQL
"""Machines of a cluster: each has folders of its own where its programs look for them, and may lose its power."""

import contextlib
import os
import shutil
import signal
import subprocess
import time

# What a machine has of its own; the rest of the file system, and the network, are everybody's.
FOLDERS = {
    "/etc/cluster": "root",
    "/run/postgresql": "postgres",
    "/var/lib/postgresql": "postgres",
    "/var/log/postgresql": "postgres",
    "/var/lib/nats": "nats",
    "/var/lib/etcd": "etcd",
}
HOLD = 'base=$1; shift; for folder; do mount --bind "$base$folder" "$folder"; done; echo; exec sleep infinity'


class CommandFailed(Exception):
    pass


def bury(pid):
    """Waits until nothing is left of a process that was killed.

    Postgres takes a dead one that nobody has waited for to be a server that runs.
    """
    while os.path.exists(f"/proc/{pid}"):
        with contextlib.suppress(ChildProcessError):  # not ours: the first process does it
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.005)


class Machine:
    def __init__(self, name, directory, environment):
        """`environment`: of all commands."""
        self.name = name
        self.files = directory / name
        self._environment = {**os.environ, **environment}
        for folder, user in FOLDERS.items():
            path = self.files / folder[1:]
            path.mkdir(parents=True)
            shutil.chown(path, user, user)
            os.makedirs(folder, exist_ok=True)
        # In a chroot, whose root is no mount of its own.
        command = ["unshare", "--mount", "--propagation=unchanged", "bash", "-euc", HOLD, "hold"]
        self._holder = subprocess.Popen([*command, str(self.files), *FOLDERS], stdout=subprocess.PIPE)
        if not self._holder.stdout.readline():
            raise CommandFailed(f"the folders of {name} could not be mounted")

    def _inside(self, user, command):
        home = "/var/lib/postgresql" if user == "postgres" else "/"
        return (
            ["nsenter", f"--target={self._holder.pid}", "--mount", "--root", "--wd=/"]
            + ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
            + ["env", f"HOME={home}", *command]
        )

    def run(self, script, user="postgres"):
        """What a shell prints that does this; raises if it fails."""
        done = subprocess.run(
            self._inside(user, ["bash", "-euo", "pipefail", "-c", script]),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
        )
        if done.returncode:
            raise CommandFailed(f"on {self.name}:\n{script}\n{done.stdout}")
        return done.stdout

    def spawn(self, script, user, log):
        """A program that goes on, as a service would."""
        with open(log, "ab") as output:
            return subprocess.Popen(
                self._inside(user, ["bash", "-euc", script]),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _processes(self):
        own = os.readlink(f"/proc/{self._holder.pid}/ns/mnt")
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/mnt") == own:
                    yield int(entry)
            except OSError:
                continue  # it has ended

    def lose_power(self):
        """kill -9 of all that runs there, at once; returns when nothing is left of it."""
        while pids := set(self._processes()) - {self._holder.pid}:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for pid in pids:
                bury(pid)

    def end(self):
        self.lose_power()
        self._holder.kill()
        self._holder.wait()

# SPDX-License-Identifier: PostgreSQL
"""Processes of one run: started, watched, killed, and in the end all stopped, each by its pid."""

import asyncio
import inspect
import signal
import subprocess
import time

from time_limit import seconds


class Process:
    def __init__(self, name, command, log, env, stop_signal):
        self.name = name
        self.stop_signal = stop_signal
        self.log = log
        with open(log, "ab") as output:
            self._log_start = output.tell()
            self._popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env
            )

    def output(self):
        with open(self.log, "rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def is_running(self):
        return self._popen.poll() is None

    def pause(self):
        self._popen.send_signal(signal.SIGSTOP)

    def kill9(self):
        self._popen.kill()
        self._popen.wait()

    def stop(self):
        if not self.is_running():
            return
        self._popen.send_signal(self.stop_signal)
        try:
            self._popen.wait(timeout=seconds(15))
        except subprocess.TimeoutExpired:
            self.kill9()


class Processes:
    """A context manager; leaving it stops the processes, last started first."""

    def __init__(self, log_directory):
        self._log_directory = log_directory
        self._running = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._running.values()):
            process.stop()

    def start(self, name, command, env=None, stop_signal=signal.SIGTERM):
        log = self._log_directory / f"{name}.log"
        self._running[name] = Process(name, command, log, env, stop_signal)
        return self._running[name]

    def pause(self, name):
        self._running[name].pause()

    def kill9(self, name):
        self._running.pop(name).kill9()

    async def wait_until(self, what, condition, timeout=60):
        """Waits until the condition, a function or coroutine function, is true.

        Raises when the time is over, or when one of the processes has ended meanwhile.
        """
        deadline = time.monotonic() + seconds(timeout)
        while True:
            result = condition()
            if inspect.isawaitable(result):
                result = await result
            if result:
                return
            for process in self._running.values():
                if not process.is_running():
                    raise RuntimeError(f"{process.name} has ended:\n{process.output()[-2000:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited in vain until {what}")
            await asyncio.sleep(0.05)

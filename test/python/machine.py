# SPDX-License-Identifier: PostgreSQL
"""What servers of a test need of the machine: their programs and ports."""

import os
import random
import shutil
import socket


def program(name):
    """Where it is; ordinary users often have no sbin in their PATH."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not path:
        raise RuntimeError(f"there is no {name}; install the Debian package of this name")
    return path


def free_port():
    """A port of 127.0.0.1 that nobody listens on, below those that the kernel gives to clients.

    Another one each time, whatever the seed of the test.
    """
    while True:
        port = random.SystemRandom().randrange(10200, 32768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue

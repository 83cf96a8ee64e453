# SPDX-License-Identifier: PostgreSQL
"""PostgreSQL's regression suite, run once in a server of its own."""

import os
import re
import subprocess
import time
from typing import NamedTuple

from postgres import PORT, PostgresServer

DATABASE = "regression"
SETTINGS = {
    "wal_level": "logical",
    "max_worker_processes": "16",
    "max_wal_senders": "4",
    "max_replication_slots": "8",
    "max_wal_size": "8GB",
    "max_prepared_transactions": "2",  # as pg_regress has it
    "logical_decoding_work_mem": "1MB",  # large transactions are spilled
    "fsync": "off",
    "log_line_prefix": "%m [%p] %b %q%a ",
    "log_autovacuum_min_duration": "0",
    "log_checkpoints": "on",
    "log_temp_files": "128kB",
}
# What pg_regress says to a database that it makes itself.
MAKE_DATABASE = f"CREATE DATABASE {DATABASE} TEMPLATE template0"
DATABASE_SETTINGS = {
    "lc_messages": "C",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    "bytea_output": "hex",
    "timezone_abbreviations": "Default",
}
TEST = re.compile(r"^(?:test|    ) (\S+) +\.\.\. (ok|FAILED)", re.MULTILINE)
SIGNS_OF_A_CRASH = ("TRAP:", "was terminated by signal", "PANIC:", "stuck spinlock", "Sanitizer")
# Of what is no UTF-8 the first ends the worker, and its successor makes dead letters of it and the others: the
# test "encoding" stores halves of characters.  Changes looks at each letter.
EXPLAINED_ERRORS = (re.compile('invalid byte sequence for encoding "UTF8"'),)
OUR_TROUBLE = re.compile(r"\] fraiseql_nats \w+ .*?\b(ERROR|FATAL|PANIC): +(.*)")


class Build(NamedTuple):
    """A PostgreSQL, and the sources that its regression suite is in."""

    name: str
    pg_config: str
    sources: str  # src/test/regress

    def path(self, what):
        return subprocess.check_output([self.pg_config, f"--{what}"], text=True).strip()

    def compile(self, directory):
        """What is loaded into this very server: the suite's own C functions, and the witness."""
        directory.mkdir()
        here = os.path.dirname(os.path.abspath(__file__))
        spi = f"{self.sources}/../../../contrib/spi"
        for source in (f"{self.sources}/regress.c", f"{spi}/refint.c", f"{spi}/autoinc.c", f"{here}/witness.c"):
            name = os.path.basename(source)[:-2]
            subprocess.run(
                ["cc", "-O1", "-g", "-fPIC", "-shared", "-w", "-I", spi]
                + ["-I", self.path("includedir-server"), "-o", directory / f"{name}.so", source],
                check=True,
            )
        return directory


class Suite:
    """`work`: where the server and the results are; `logs`: where its log stays."""

    def __init__(self, build, libraries, work, logs, settings):
        self._build = build
        self._libraries = libraries
        self.log = logs / "postgres.log"
        self.output = logs / "pg_regress.out"
        self.results = logs / "results"
        self._outputs = logs
        logs.mkdir(parents=True)
        os.environ["PG_CONFIG"] = build.pg_config
        path = {"dynamic_library_path": f"$libdir:{libraries}"}
        if self._knows("output_plugin_libraries"):  # minor releases since 2026
            path["output_plugin_libraries"] = "pgoutput, test_decoding, witness"
        self.server = PostgresServer(work, self.log, {**SETTINGS, **path, **settings})
        self.seconds = 0

    def _knows(self, setting):
        command = [self.program("postgres"), "--describe-config"]
        return f"{setting}\t" in subprocess.check_output(command, text=True)

    async def start(self):
        self.server.start()
        await self.server.wait_until_up()
        session = await self.server.connect("postgres")
        await session.execute(MAKE_DATABASE)
        for name, value in DATABASE_SETTINGS.items():
            await session.execute(f"ALTER DATABASE {DATABASE} SET {name} TO '{value}'")
        session.close()

    async def execute(self, sql):
        session = await self.server.connect(DATABASE)
        try:
            return await session.execute(sql)
        finally:
            session.close()

    def run(self, schedule):
        """Returns the tests, in their order: name -> passed."""
        began = time.monotonic()
        regress = f"{os.path.dirname(self._build.path('pgxs'))}/../../src/test/regress/pg_regress"
        with open(self.output, "w") as output:
            subprocess.run(
                [regress, "--use-existing", f"--dbname={DATABASE}", "--user=postgres"]
                + [f"--host={self.server.directory}", f"--port={PORT}"]
                + [f"--bindir={self._build.path('bindir')}", f"--inputdir={self._build.sources}"]
                + [f"--outputdir={self._outputs}", f"--dlpath={self._libraries}"]
                + [f"--schedule={schedule or self._build.sources + '/parallel_schedule'}"]
                + ["--max-concurrent-tests=20"],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.seconds = time.monotonic() - began
        tests = {name: word == "ok" for name, word in TEST.findall(self.output.read_text())}
        if not tests:
            raise RuntimeError(f"pg_regress ran no test: {self.output.read_text()}")
        return tests

    def environment(self, **options):
        options = " ".join(f"-c {name}={value}" for name, value in options.items())
        host = str(self.server.directory)
        return {**os.environ, "PGHOST": host, "PGPORT": str(PORT), "PGUSER": "postgres", "PGOPTIONS": options}

    def program(self, name):
        return f"{self._build.path('bindir')}/{name}"

    def crashes(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if any(sign in line for sign in SIGNS_OF_A_CRASH)]

    def errors_of_ours(self):
        """Those that are explained, and the others."""
        found = [match[2] for match in OUR_TROUBLE.finditer(self.log.read_text(errors="replace"))]
        known = [text for text in found if any(error.match(text) for error in EXPLAINED_ERRORS)]
        return known, [text for text in found if text not in known]

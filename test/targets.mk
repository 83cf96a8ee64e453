# SPDX-License-Identifier: PostgreSQL
#
# What works on a machine with nothing but git and make: installs the packages first, and has another
# make build what it needs.  Included by the Makefile, whether there is a Postgres or not.

SUDO     = $(if $(filter-out 0,$(shell id -u)),sudo)
SUBMAKE  = $(MAKE) --no-print-directory
SOURCES  = $(shell git ls-files 'src/*.cpp' 'src/*.h' 'test/*.cpp' 'test/*.h' 2>/dev/null)
# What is there may have, or lack, assertions.
CLEAN_OBJECTS = find src -name '*.o' -delete; rm -f fraiseql_nats.so
CLANG_FORMAT ?= clang-format-14

.PHONY: arm64 compilers bench bench-micro bench-install cluster deb deb-test demo demo-picture fraiseql fuzz order-system matrix pg-regress torture upgrade valgrind help troubleshooting format format-check lint packages

help:
	@sed -n 's/^#: //p' test/targets.mk

#: make demo             shows it at work; KEEP=1 leaves the servers running
demo: packages
	@MAKE="$(MAKE)" test/demo/build
	@$(SUDO) $(SUBMAKE) install >>build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@test/setup/as-user env KEEP="$(KEEP)" RECORD="$(RECORD)" test/demo/demo

#: make demo-picture     the same, recorded as the picture of the README
demo-picture:
	@$(SUBMAKE) demo RECORD=doc/demo.svg

#: make order-system     runs examples/order-system, looks at its page and checks that its numbers add up
order-system: packages
	@test/setup/install-packages --order-system || echo "order-system: tries without them"
	@$(SUBMAKE) -j2 >build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@$(SUDO) $(SUBMAKE) install >>build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@test/order-system/run --prepare-all
	@test/setup/as-user test/order-system/run

#: make docs             the programs of doc/consumers.md: Python, JavaScript, Go and the nats CLI
docs: packages
	@test/setup/install-packages --docs
	@$(SUBMAKE) -j2 >build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@$(SUDO) $(SUBMAKE) install >>build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@test/docs/prepare
	@test/setup/as-user test/setup/run-tap test/docs/consumers.pl

#: make monitoring       examples/monitoring with Prometheus and its exporter
monitoring: packages
	@test/setup/install-packages --monitoring
	@$(SUBMAKE) -j2 >build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@$(SUDO) $(SUBMAKE) install >>build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@test/monitoring/rules
	@test/monitoring/dashboard
	@test/setup/as-user test/setup/run-tap test/monitoring/monitoring.pl

#: make fraiseql         FraiseQL's own server beside us, built once with cargo (some minutes)
fraiseql: packages
	@$(SUBMAKE) -j2 >build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@$(SUDO) $(SUBMAKE) install >>build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@test/fraiseql/run --prepare
	@programs=$$(test/fraiseql/build) && test/setup/as-user test/fraiseql/run "$$programs"

#: make cluster          examples/cluster, whose machines are killed in turn; PG_MAJOR=17 or 18, as root
cluster:
	@$(SUDO) env PG_MAJOR=$(or $(PG_MAJOR),17) $(if $(MATRIX_ROOTS),MATRIX_ROOTS=$(MATRIX_ROOTS)) test/cluster/run

#: make torture          random load and faults, then compares; SECONDS=600 SEED=1 BATCHES=1
torture: packages
	@$(SUBMAKE) -j2 >build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@$(SUDO) $(SUBMAKE) install >>build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@test/torture/run $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(if $(BATCHES),--batches)

#: make matrix           each PostgreSQL and nats-server that is supported; as root, hours; LEVEL=daily
matrix:
	@test/setup/install-packages --matrix
	@test/matrix/run $(if $(LEVEL),--$(LEVEL)) $(ROWS)

#: make fuzz             feeds the parsers what breaks them; SECONDS=600
fuzz: packages
	@$(SUBMAKE) -j2 fuzz-programs >build/fuzz.log 2>&1 || { cat build/fuzz.log; exit 1; }
	@test/fuzz/run $(or $(SECONDS),60)

#: make pg-regress       PostgreSQL's own regression suite with every table observed; some minutes
pg-regress: packages
	@$(CLEAN_OBJECTS)
	@$(SUBMAKE) -j2 ASSERT=1 >build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@$(SUDO) $(SUBMAKE) install ASSERT=1 >>build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@$(SUDO) test/pg-regress/run $(BUILD)

#: make upgrade          pg_upgrade 15 to 17 to 18, update of the extension, of the nats-servers one by one; as root
upgrade:
	@$(SUDO) env $(foreach name,MATRIX_ROOTS NATS_SERVER_NEXT,$(if $($(name)),$(name)=$($(name)))) test/upgrade/run

#: make valgrind         a server under valgrind, worker and all; a few minutes
valgrind:
	@test/setup/install-packages --bench
	@mkdir -p build
	@$(CLEAN_OBJECTS)
	@$(SUBMAKE) -j2 ASSERT=1 >build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@$(SUDO) $(SUBMAKE) install ASSERT=1 >>build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@test/setup/as-user test/setup/run-tap test/valgrind/worker.pl

#: make bench            measures it, about half an hour; BENCH=quick, SECTIONS="drain latency"
bench: bench-install
	@test/setup/as-user env BENCH="$(BENCH)" SECTIONS="$(SECTIONS)" test/bench/run

#: make bench-micro      counts what one message costs; fails if it is over budget
bench-micro: bench-install
	@test/setup/as-user test/bench/micro/run

# Built anew: what is there may have assertions in it.
bench-install:
	@test/setup/install-packages --bench
	@mkdir -p build
	@$(CLEAN_OBJECTS)
	@$(SUBMAKE) -j2 >build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@$(SUDO) $(SUBMAKE) install >>build/make.log 2>&1 || { cat build/make.log; exit 1; }
	@$(SUBMAKE) -j2 bench-programs bench-micro-programs >>build/make.log 2>&1 || \
		{ cat build/make.log; exit 1; }

#: make deb              Debian packages in build/deb, for each Postgres whose headers are there
deb:
	@test/setup/install-packages --deb
	@packaging/build-deb

#: make deb-test         installs, uses and removes the package in a clean Debian
deb-test: deb
	@$(SUDO) test/deb/run

#: make arm64            for arm64, compiled and run under qemu, and with a char without a sign; some minutes
arm64:
	@test/matrix/unsigned-char
	@$(SUDO) env MATRIX_ROOTS="$(MATRIX_ROOTS)" test/matrix/arm64

#: make compilers        with every g++ and clang that a Debian has, as C++17 and C++20; two hours
compilers:
	@$(SUDO) env MATRIX_ROOTS="$(MATRIX_ROOTS)" test/matrix/compilers

#: make check            all tests; the last line counts them
ifneq ($(filter check,$(MAKECMDGOALS)),)
.PHONY: check
check: packages
	@test/check
endif

#: make packages         installs what building and testing need (Debian)
packages:
	@test/setup/install-packages
	@mkdir -p build

#: make lint             the rules of the house
lint:
	test/lint

#: make troubleshooting  writes doc/troubleshooting.md, from the reasons and hints in the source
troubleshooting:
	@test/troubleshooting >build/troubleshooting.md
	@mv build/troubleshooting.md doc/troubleshooting.md

#: make format           formats the C++ sources
format:
	$(CLANG_FORMAT) -i $(SOURCES)

format-check:
	$(CLANG_FORMAT) --dry-run --Werror $(SOURCES)

#: make                  builds the library; make install installs it
#: make unit             tests of src/core and src/config; FILTER=, SAN=address,undefined
#: make nats-test        tests of src/nats with a real nats-server; FILTER=, SAN=
#: make installcheck     regression tests (not as root); REGRESS="setup events"
#: test/setup/run-tap    TAP tests (not as root), all or those named
#: test/setup/as-user    runs a command as an ordinary user, when you are root

# fraiseql_nats: `make demo` shows it at work, `make check` proves it, `make help` lists the rest.

# Where the sources are: empty, or a path that ends with a slash if this is built in another folder.
TREE        := $(filter-out ./ .//,$(or $(addsuffix /,$(VPATH)),$(dir $(firstword $(MAKEFILE_LIST)))))
in_tree      = $(patsubst $(TREE)%,%,$(wildcard $(addprefix $(TREE),$(1))))

EXTENSION   = fraiseql_nats
MODULE_big  = $(EXTENSION)
DATA       := $(call in_tree,sql/$(EXTENSION)--*.sql)
OBJS       := $(patsubst %.cpp,%.o,$(call in_tree,src/*.cpp src/*/*.cpp src/*/*/*.cpp))
SQL_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(TREE)$(EXTENSION).control)

# In sql/ a name with "--" is an install script, every other file a regression test.
REGRESS      = setup $(filter-out setup $(EXTENSION)--%,$(notdir $(basename $(call in_tree,sql/*.sql))))
# On the server that PGHOST or PGPORT names, else on one that is made for the tests.
RUNNING      = $(PGHOST)$(PGPORT)
REGRESS_OPTS = $(if $(RUNNING),,--temp-instance=build/regress --temp-config=$(TREE)test/regress.conf) \
               --encoding=UTF8 --no-locale --load-extension=$(EXTENSION)

PG_CONFIG   ?= pg_config
# Warnings are errors where the compiler is known: make WERROR=1.
WARNINGS     = -Wall -Wextra -Wshadow $(if $(WERROR),-Werror)
# Assertions end the whole server: they are for tests, make ASSERT=1.
PG_CPPFLAGS  = -iquote $(TREE)src -isystem $(shell $(PG_CONFIG) --includedir-server) \
               $(if $(ASSERT),,-DNDEBUG)
# The standard of C++, c++17 or a newer one: make CXXSTD=c++20.
CXXSTD      ?= c++17
# Postgres's flags are those of the compiler that it was built with: clang warns of those that only g++ knows.
# Of g++, without -fno-gnu-unique, the library could never be unloaded.
OF_COMPILER  = $(shell $(CXX) -fno-gnu-unique -E -x c++ /dev/null >/dev/null 2>&1 && echo -fno-gnu-unique || \
               echo -Wno-unknown-warning-option -Wno-ignored-optimization-argument)
PG_CXXFLAGS  = -std=$(CXXSTD) $(WARNINGS) -fvisibility-inlines-hidden $(OF_COMPILER)
SHLIB_LINK   = -lnats -lssl -lcrypto -lstdc++ -lpthread -Wl,--version-script=$(TREE)src/exports.map \
               -Wl,-z,now
EXTRA_CLEAN  = build .deps src/.deps $(wildcard src/*/.deps src/*/*/.deps)

# Rebuild when a header changes; no bitcode, nothing here is inlined into queries.
override autodepend := yes
override with_llvm  := no

.DEFAULT_GOAL := all

# Empty where Postgres cannot be built for: libpq, too, has a pg_config, without what it names.
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))

ifneq ($(filter check,$(MAKECMDGOALS)),)
# PGXS has a `check` of its own, which only says that there is none: it keeps out of the way of ours
# (see test/targets.mk).
.PHONY: all
all .DEFAULT:
	@$(MAKE) --no-print-directory $@
else ifneq ($(PGXS),)
include $(PGXS)
# The folders of the objects, where they are not those of the sources.
$(if $(TREE),$(shell mkdir -p $(sort $(dir $(OBJS)))))
src/pg/base/version.o src/fraiseql_nats.o: override CPPFLAGS += -DFRAISEQL_NATS_VERSION='"$(SQL_VERSION)"'
src/pg/base/version.o src/fraiseql_nats.o: $(EXTENSION).control
installcheck: $(if $(RUNNING),running-server,build)
.PHONY: running-server
running-server:
	@$(TREE)test/setup/running-server "$(bindir)/psql"
build:
	@mkdir -p $@
else
.PHONY: all
all .DEFAULT:
	@echo "make $@: there is no PostgreSQL to build for: no \"$(PG_CONFIG)\" with the server's headers." >&2
	@echo "Install postgresql-server-dev-15 (Debian, apt.postgresql.org) or postgresql15-devel" >&2
	@echo "(yum.postgresql.org), of your version, or name another: make PG_CONFIG=/path/to/pg_config" >&2
	@exit 1
endif

# Everything but the library itself, in the tree of the sources only.
ifeq ($(TREE),)
include test/targets.mk
-include test/unit/unit.mk
-include test/nats/nats.mk
-include test/bench/bench.mk
-include test/fuzz/fuzz.mk
endif

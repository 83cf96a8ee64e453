# fraiseql_nats: `make demo` shows it at work, `make check` proves it, `make help` lists the rest.

EXTENSION   = fraiseql_nats
MODULE_big  = $(EXTENSION)
DATA        = $(wildcard sql/$(EXTENSION)--*.sql)
OBJS        = $(patsubst %.cpp,%.o,$(wildcard src/*.cpp src/*/*.cpp src/*/*/*.cpp))

# In sql/ a name with "--" is an install script, every other file a regression test.
REGRESS      = setup $(filter-out setup $(EXTENSION)--%,$(notdir $(basename $(wildcard sql/*.sql))))
REGRESS_OPTS = --temp-instance=build/regress --temp-config=test/regress.conf --encoding=UTF8 \
               --no-locale --load-extension=$(EXTENSION)

PG_CONFIG   ?= pg_config
# Warnings are errors where the compiler is known: make WERROR=1.
WARNINGS     = -Wall -Wextra -Wshadow $(if $(WERROR),-Werror)
# Assertions end the whole server: they are for tests, make ASSERT=1.
PG_CPPFLAGS  = -iquote src -isystem $(shell $(PG_CONFIG) --includedir-server) \
               $(if $(ASSERT),,-DNDEBUG)
PG_CXXFLAGS  = -std=c++17 $(WARNINGS) -fvisibility-inlines-hidden -fno-gnu-unique
SHLIB_LINK   = -lnats -lssl -lcrypto -lstdc++ -lpthread -Wl,--version-script=src/exports.map -Wl,-z,now
EXTRA_CLEAN  = build .deps src/.deps $(wildcard src/*/.deps src/*/*/.deps)

# Rebuild when a header changes; no bitcode, nothing here is inlined into queries.
override autodepend := yes
override with_llvm  := no

# Everything but the library itself installs what it needs first.
WHOLE = bench bench-micro check demo fraiseql fuzz order-system pg-regress torture valgrind help format format-check lint packages

ifneq ($(filter $(WHOLE),$(MAKECMDGOALS)),)
include test/targets.mk
else
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
installcheck: build
build:
	@mkdir -p $@
-include test/unit/unit.mk
-include test/nats/nats.mk
-include test/bench/bench.mk
-include test/fuzz/fuzz.mk
endif

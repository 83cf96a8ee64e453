# SPDX-License-Identifier: PostgreSQL
#
# The programs of the benchmarks.  Included by the Makefile.
#
#   make bench-programs     what test/bench/run needs
#   make bench-micro        the cost of making a message; see test/bench/micro

BENCH_DIR      = build/bench
BENCH_CXXFLAGS = -std=c++17 -O2 -g -Wall -Wextra -Wshadow $(if $(WERROR),-Werror)

.PHONY: bench-programs
bench-programs: $(BENCH_DIR)/bare_publisher $(BENCH_DIR)/latency_probe

$(BENCH_DIR)/%: test/bench/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(BENCH_CXXFLAGS) $< -o $@ -lnats -lpthread

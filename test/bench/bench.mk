# SPDX-License-Identifier: PostgreSQL
#
# The programs of the benchmarks.  Included by the Makefile.
#
#   make bench-programs          what test/bench/run needs
#   make bench-micro-programs    what test/bench/micro/run needs

BENCH_DIR      = build/bench
CXXSTD ?= c++17
BENCH_CXXFLAGS = -std=$(CXXSTD) -O2 -g -DNDEBUG -Wall -Wextra -Wshadow $(if $(WERROR),-Werror)

MICRO_SRCS = $(wildcard src/core/*/*.cpp src/nats/jetstream/pub_ack.cpp src/nats/connection/wire_*.cpp) \
             test/bench/micro/cases.cpp
MICRO_OBJS = $(MICRO_SRCS:%.cpp=$(BENCH_DIR)/%.o)

.PHONY: bench-programs bench-micro-programs
bench-programs: $(BENCH_DIR)/bare_publisher $(BENCH_DIR)/latency_probe
bench-micro-programs: $(BENCH_DIR)/encoder_benchmark $(BENCH_DIR)/encoder_instructions

$(BENCH_DIR)/%: $(BENCH_DIR)/test/bench/%.o
	$(CXX) $< -o $@ -lnats -lpthread

$(BENCH_DIR)/%: $(BENCH_DIR)/test/bench/micro/%.o $(MICRO_OBJS)
	$(CXX) $^ -o $@ $(if $(filter %_benchmark,$@),-lbenchmark) -lcrypto -lpthread

# As the library is compiled.
$(BENCH_DIR)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(BENCH_CXXFLAGS) -fPIC -iquote src -MMD -MP -c $< -o $@

-include $(wildcard $(MICRO_OBJS:.o=.d) $(BENCH_DIR)/test/bench/*.d $(BENCH_DIR)/test/bench/micro/*.d)

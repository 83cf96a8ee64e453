# SPDX-License-Identifier: PostgreSQL
#
# Unit tests: src/core and src/config, compiled without Postgres and without a broker.
#
#   make unit                          build and run
#   make unit FILTER='Window.*'        run some of them
#   make unit SAN=address,undefined    the same with sanitizers, built apart
#   make unit WERROR=1                 warnings are errors
#   make unit CXX=aarch64-linux-gnu-g++ EMULATOR=qemu-aarch64    for another machine, and run here
#
# Included by the Makefile; alone: make -f test/unit/unit.mk unit, in the root of the repository.

UNIT_DIR  = build/unit$(if $(SAN),-$(patsubst address%,asan,$(SAN)))
UNIT_SRCS = $(wildcard src/core/*/*.cpp src/config/*.cpp test/unit/*.cpp)
UNIT_OBJS = $(UNIT_SRCS:%.cpp=$(UNIT_DIR)/%.o)

UNIT_SANITIZE = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
CXXSTD   ?= c++17
TEST_OPT ?= -g -O1
UNIT_CXXFLAGS = -std=$(CXXSTD) $(TEST_OPT) -Wall -Wextra -Wshadow $(if $(WERROR),-Werror) $(UNIT_SANITIZE)

.PHONY: unit
unit: $(UNIT_DIR)/unit_test
	$(EMULATOR) $< --gtest_brief=1 $(if $(FILTER),--gtest_filter='$(FILTER)')

$(UNIT_DIR)/unit_test: $(UNIT_OBJS)
	$(CXX) $(UNIT_SANITIZE) $^ -o $@ -lgtest -lgtest_main -lcrypto -lpthread

$(UNIT_OBJS): $(UNIT_DIR)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(UNIT_CXXFLAGS) -iquote src -MMD -MP -c $< -o $@

-include $(wildcard $(UNIT_OBJS:.o=.d))

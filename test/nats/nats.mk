# SPDX-License-Identifier: PostgreSQL
#
# Broker tests: src/nats against real nats-servers, which the tests start and end themselves.
#
#   make nats-test                          build and run
#   make nats-test FILTER='Outage.*'        run some of them
#   make nats-test SAN=address,undefined    with sanitizers, built apart; or SAN=thread
#   make nats-test WERROR=1                 warnings are errors
#
# Included by the Makefile; alone: make -f test/nats/nats.mk nats-test, in the root of the repository.

NATS_TEST_DIR  = build/nats$(if $(SAN),-$(patsubst address%,asan,$(SAN)))
NATS_TEST_SRCS = $(wildcard src/core/*/*.cpp src/nats/*/*.cpp test/nats/*.cpp)
NATS_TEST_OBJS = $(NATS_TEST_SRCS:%.cpp=$(NATS_TEST_DIR)/%.o)

NATS_TEST_SANITIZE = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer)
CXXSTD   ?= c++17
TEST_OPT ?= -g -O1
NATS_TEST_CXXFLAGS = -std=$(CXXSTD) $(TEST_OPT) -Wall -Wextra -Wshadow $(if $(WERROR),-Werror) \
	$(NATS_TEST_SANITIZE)

# The library is not built with -fsanitize=thread: what happens wholly within it cannot be judged.
NATS_TEST_ENV = PATH="$$PATH:/usr/sbin" TSAN_OPTIONS="suppressions=test/nats/tsan.supp $(TSAN_OPTIONS)"

.PHONY: nats-test
nats-test: $(NATS_TEST_DIR)/nats_test
	$(NATS_TEST_ENV) $(EMULATOR) $< --gtest_brief=1 $(if $(FILTER),--gtest_filter='$(FILTER)')

$(NATS_TEST_DIR)/nats_test: $(NATS_TEST_OBJS)
	$(CXX) $(NATS_TEST_SANITIZE) $^ -o $@ -lgtest -lgtest_main -lnats -lssl -lcrypto -lpthread

$(NATS_TEST_OBJS): $(NATS_TEST_DIR)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(NATS_TEST_CXXFLAGS) -iquote src -MMD -MP -c $< -o $@

-include $(wildcard $(NATS_TEST_OBJS:.o=.d))

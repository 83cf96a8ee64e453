# SPDX-License-Identifier: PostgreSQL
#
# Fuzz targets: parsers of what others write, with clang's libFuzzer and sanitizers.
#
#   make fuzz-programs       build them
#   make fuzz SECONDS=600    build and run them all, see test/fuzz/run
#
# Included by the Makefile; alone: make -f test/fuzz/fuzz.mk fuzz-programs, in the root of the repository.

FUZZ_DIR   = build/fuzz
FUZZ_CXX  ?= clang++
FUZZ_TESTS = $(patsubst test/fuzz/%.cpp,%,$(wildcard test/fuzz/*.cpp))
FUZZ_NATS  = api_answer broker_findings dead_letter delivery_origin jetstream_error names pub_ack refused_subjects server_json \
             stored_message stream_api wire_reader
FUZZ_SRCS  = $(wildcard src/core/*/*.cpp src/config/*.cpp $(FUZZ_NATS:%=src/nats/*/%.cpp))
FUZZ_OBJS  = $(FUZZ_SRCS:%.cpp=$(FUZZ_DIR)/%.o)

CXXSTD ?= c++17
FUZZ_CXXFLAGS = -std=$(CXXSTD) -g1 -O1 -Wall -Wextra $(if $(WERROR),-Werror) -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all -iquote src -MMD -MP

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_TESTS:%=$(FUZZ_DIR)/%)

$(FUZZ_DIR)/%: $(FUZZ_DIR)/test/fuzz/%.o $(FUZZ_DIR)/fuzz.a
	$(FUZZ_CXX) -fsanitize=fuzzer,address,undefined $^ -o $@ -lcrypto

$(FUZZ_DIR)/fuzz.a: $(FUZZ_OBJS)
	@rm -f $@
	ar rcs $@ $^

$(FUZZ_OBJS) $(FUZZ_TESTS:%=$(FUZZ_DIR)/test/fuzz/%.o): $(FUZZ_DIR)/%.o: %.cpp
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(FUZZ_CXXFLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

.SECONDARY: $(FUZZ_TESTS:%=$(FUZZ_DIR)/test/fuzz/%.o)

-include $(wildcard $(FUZZ_OBJS:.o=.d) $(FUZZ_TESTS:%=$(FUZZ_DIR)/test/fuzz/%.d))

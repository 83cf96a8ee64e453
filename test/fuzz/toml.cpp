// SPDX-License-Identifier: PostgreSQL
// FraiseQL's files.
#include <optional>
#include <string>

#include "config/toml_config.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fraiseql;
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "SET") return "value";
    return std::nullopt;
  };
  Config config;
  const auto problems = ParseConfigText(std::string(TextOf(data, size)), environment, &config);
  for (const ConfigProblem& problem : problems) MUST(!problem.text().empty());
  return 0;
}

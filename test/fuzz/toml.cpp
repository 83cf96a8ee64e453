// SPDX-License-Identifier: PostgreSQL
// FraiseQL's files.
#include <optional>
#include <string>
#include <vector>

#include "config/toml_config.h"
#include "fuzz.h"

namespace fraiseql {

static void Check(const std::vector<ConfigProblem>& problems) {
  for (const ConfigProblem& problem : problems) MUST(!problem.text().empty());
}

}  // namespace fraiseql

// The same text as each of the two files, with variables, and as what SQL gives, without.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fraiseql;
  const std::string text(TextOf(data, size));
  ConfigInput input;
  input.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "SET") return "value";
    return std::nullopt;
  };
  Config config;
  input.file = ConfigFile{"fraiseql.toml", text};
  Check(ParseConfig(input, &config));
  input.observer_file = ConfigFile{"fraiseql-observer.toml", text};
  input.file.reset();
  Check(ParseConfig(input, &config));
  Check(ParseConfigText(text, &config));
  Check(config.notices);
  return 0;
}

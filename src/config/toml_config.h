// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/environment.h"

namespace fraiseql {

struct ConfigFile {
  std::string name;  // for messages
  std::string text;
};

struct ConfigInput {
  std::optional<ConfigFile> file;           // fraiseql.toml
  std::optional<ConfigFile> observer_file;  // fraiseql-observer.toml
  Environment environment;                  // none: variables are neither read nor replaced
};

// Reads FraiseQL's two files and the environment.  Returns everything that is wrong, file by file;
// if nothing is, `config` is what they say.  A pure function of its input.
//
// In fraiseql.toml the section [observers] is ours, and [nats] and [transport] are refused; all
// others belong to FraiseQL and are left alone.  fraiseql-observer.toml is ours as a whole.  There,
// a key that is unknown, of the wrong type, out of range or beyond this extension is an error; one
// that FraiseQL has for itself, or had, is a notice.  Only fraiseql-observer.toml, which nobody
// else reads, switches publishing off. Together they declare at most kMaxRules observers.
constexpr size_t kMaxRules = 20000;
std::vector<ConfigProblem> ParseConfig(const ConfigInput& input, Config* config);

// The same for a single text without environment, which is taken for fraiseql-observer.toml if it
// has a [transport], and for fraiseql.toml if not.
std::vector<ConfigProblem> ParseConfigText(const std::string& text, Config* config);

}  // namespace fraiseql

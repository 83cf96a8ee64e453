// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/environment.h"

namespace fraiseql {

struct ConfigFile {
  std::string name;  // shown in messages
  std::string text;
};

struct ConfigInput {
  std::optional<ConfigFile> file;           // fraiseql.toml
  std::optional<ConfigFile> observer_file;  // fraiseql-observer.toml
  Environment environment;                  // none: variables are neither read nor replaced
};

// Reads FraiseQL's two files and the environment.  Returns all errors, file by file; if there are
// none, fills `config`.  A pure function of its input.
//
// In fraiseql.toml this extension reads the section [observers] and refuses [nats] and [transport];
// all other sections belong to FraiseQL and are ignored.  The extension reads all of
// fraiseql-observer.toml.  There, a key that is unknown, of the wrong type, out of range or not
// supported is an error; a key that only FraiseQL uses, or has used, gives a notice.  Only
// fraiseql-observer.toml, which no other program reads, switches publishing off.  Together the
// files declare at most kMaxRules observers.
constexpr size_t kMaxRules = 20000;
std::vector<ConfigProblem> ParseConfig(const ConfigInput& input, Config* config);

// The same for a single text without environment, which is treated as fraiseql-observer.toml if it
// has a [transport], else as fraiseql.toml.
std::vector<ConfigProblem> ParseConfigText(const std::string& text, Config* config);

}  // namespace fraiseql

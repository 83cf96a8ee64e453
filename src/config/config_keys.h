// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/base/status.h"

namespace fraiseql {

enum class ValueType : uint8_t { kString, kInteger, kBoolean, kStrings, kTables };

// A key of the files, or the setting of an environment variable.  Paths are those of
// fraiseql-observer.toml and of [observers].
struct KnownKey {
  std::string_view path;
  ValueType type;
  std::string_view setting;      // the Postgres setting, without "fraiseql_nats."; empty: none
  std::string_view environment;  // the variable that overrides the files; empty: none
  Status (*check)(std::string_view value) = nullptr;  // for a string; its message is complete
  int64_t min = 0, max = 0;                           // for an integer
  std::string_view unit = {};                         // in the spelling of Postgres
};

// A documented key, or a whole section, that this extension does not support.
struct RefusedKey {
  std::string_view path, reason, hint;
};

// A key, or a whole section, that only FraiseQL uses or has used: accepted with any value, because
// FraiseQL reads the same files, and without effect here.
struct IdleKey {
  std::string_view path, reason, hint;
  std::string_view environment = {};  // the corresponding variable; empty: none
  bool in_shared_file_only = false;   // in the other file it is a known key
};

// A value of a known key that only FraiseQL uses.
struct IdleValue {
  std::string_view path, value;
  SettingSource source;
  std::string_view reason, hint;
};

// The section of the server's fraiseql.toml that holds the same keys as kTransportPath.
constexpr std::string_view kServerTransportPath = "observers.runtime.transport";
constexpr std::string_view kTransportPath = "transport";
constexpr std::string_view kRulesPath = "observers.rules";
constexpr std::string_view kStreamsPath = "streams";  // of fraiseql-observer.toml
// All other keys of this section belong to FraiseQL, also those of later versions.
constexpr std::string_view kRuntimePath = "observers.runtime";

const KnownKey* FindKnownKey(std::string_view path);
const RefusedKey* FindRefusedKey(std::string_view path);
const IdleKey* FindIdleKey(std::string_view path, SettingSource source);
const IdleValue* FindIdleValue(std::string_view path, std::string_view value, SettingSource source);

// Whether there are keys below `path`.
bool IsSection(std::string_view path);

// The names that a section may contain; "" is the top level of a file.
std::vector<std::string_view> NamesIn(std::string_view section);

// The keys that have an environment variable.
std::vector<const KnownKey*> KeysOfEnvironment();
std::vector<const IdleKey*> IdleKeysOfEnvironment();

}  // namespace fraiseql

// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/base/status.h"

namespace fraiseql {

enum class ValueType : uint8_t { kString, kInteger, kBoolean, kStrings, kTables };

// A key of the files, or what an environment variable stands for.  Paths are those of
// fraiseql-observer.toml and of [observers].
struct KnownKey {
  std::string_view path;
  ValueType type;
  std::string_view setting;      // the Postgres setting, without "fraiseql_nats."; empty: none
  std::string_view environment;  // the variable that beats the files; empty: none
  Status (*check)(std::string_view value) = nullptr;  // of a string; its message stands alone
  int64_t min = 0, max = 0;                           // of an integer
  std::string_view unit = {};                         // as Postgres spells it
};

// A documented key, or a whole section, that this extension cannot honour.
struct RefusedKey {
  std::string_view path, reason, hint;
};

// A key, or a whole section, that is FraiseQL's own, or that it has dropped: accepted with any
// value, since FraiseQL reads the same files, and without effect here.
struct IdleKey {
  std::string_view path, reason, hint;
  std::string_view environment = {};  // the variable that stands for it; empty: none
  bool in_shared_file_only = false;   // elsewhere it is a known key
};

// A value that is FraiseQL's own, of a known key.
struct IdleValue {
  std::string_view path, value;
  SettingSource source;
  std::string_view reason, hint;
};

// The section of the server's fraiseql.toml that holds the same keys as kTransportPath.
constexpr std::string_view kServerTransportPath = "observers.runtime.transport";
constexpr std::string_view kTransportPath = "transport";
constexpr std::string_view kRulesPath = "observers.rules";
// What else is in this section is FraiseQL's, whatever its versions may add.
constexpr std::string_view kRuntimePath = "observers.runtime";

const KnownKey* FindKnownKey(std::string_view path);
const RefusedKey* FindRefusedKey(std::string_view path);
const IdleKey* FindIdleKey(std::string_view path, SettingSource source);
const IdleValue* FindIdleValue(std::string_view path, std::string_view value, SettingSource source);

// Whether there are keys below `path`.
bool IsSection(std::string_view path);

// The names that may stand in a section; "" is the top of a file.
std::vector<std::string_view> NamesIn(std::string_view section);

// Those with an environment variable.
std::vector<const KnownKey*> KeysOfEnvironment();
std::vector<const IdleKey*> IdleKeysOfEnvironment();

}  // namespace fraiseql

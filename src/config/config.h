// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "config/config_problem.h"

namespace fraiseql {

// The source of a value, in order of precedence.
enum class SettingSource : uint8_t {
  kEnvironment,
  kObserverFile,  // fraiseql-observer.toml
  kFile,          // fraiseql.toml
};

struct SettingValue {
  std::string text;  // as Postgres accepts it: "30d", "10737418240", "on"
  SettingSource source = SettingSource::kFile;
  std::string where;  // "FRAISEQL_NATS_URL" or "fraiseql-observer.toml:7:1"
};

// A value for the Postgres setting fraiseql_nats.<name>.
struct Setting {
  std::string name;
  SettingValue value;
  std::vector<SettingValue> overridden;  // by `value`, in the order of their sources
};

// An observer that a file declares.  An empty text means that the file does not give it.
struct ObserverRule {
  std::string name;  // given, or derived from table or entity and events; unique in the Config
  std::string table;
  std::string entity;  // with a table: the name of its entity; else it determines the table
  std::vector<std::string> events;   // INSERT, UPDATE, DELETE, TRUNCATE; at least one
  std::string subject;               // a topic or a template
  std::string condition;             // in FraiseQL's condition language
  std::string when;                  // in SQL; only Postgres can check it
  std::vector<std::string> columns;  // those that are published; empty: all
  std::string format;
  std::string source;
  std::string stream;  // empty: the one whose subjects cover its subject
  std::string where;   // "fraiseql.toml:4:1"
};

// A stream that fraiseql-observer.toml declares.
struct StreamRule {
  std::string name;                   // given, or that of the bucket; unique in the Config
  std::vector<std::string> subjects;  // empty: those of the bucket
  std::vector<std::pair<std::string, std::string>> values;  // arguments of create_stream()
  std::string where;                                        // "fraiseql-observer.toml:4:1"
};

// The combined contents of the files and the environment.
struct Config {
  std::vector<Setting> settings;  // by name
  std::vector<ObserverRule> rules;
  std::vector<StreamRule> streams;
  std::vector<ConfigProblem> warnings;
  std::vector<ConfigProblem> notices;  // about valid keys that have no effect here
};

}  // namespace fraiseql

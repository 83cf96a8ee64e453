// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config_keys.h"
#include "config/config_problem.h"
#include "config/environment.h"
#include "config/toml_value.h"

namespace fraiseql {

// A known key with a checked value.
struct Assignment {
  const KnownKey* key = nullptr;
  TextPosition at;                       // of the key
  std::vector<std::string> texts;        // one text, or those of an array of strings
  std::vector<const TomlValue*> tables;  // those of an array of tables; not owned
};

// Reads tables of one file against the tables of known, refused and idle keys.  Replaces variables
// in strings.  An error is added to the problems and does not stop the reading.
class SectionReader {
 public:
  // The reader keeps references to all arguments.
  SectionReader(const std::string& file, SettingSource source, const Environment& environment,
                ConfigProblems* problems)
      : file_(file), source_(source), environment_(environment), problems_(problems) {}

  // Reads a table whose keys are those below `path`; returns whether all of it is valid.  Messages
  // call it `display`, which is `path` except for sections that may appear in several places, and
  // is empty where the key alone is sufficient.
  bool ReadTable(const TomlValue& table, std::string_view path, const std::string& display,
                 std::vector<Assignment>* assignments);
  // Reads one entry of such a table.
  void ReadEntry(const TomlEntry& entry, std::string_view path, const std::string& display,
                 std::vector<Assignment>* assignments);

  void AddError(TextPosition at, std::string reason, std::string_view hint);
  void AddWarning(TextPosition at, std::string reason, std::string_view hint);
  void AddNotice(TextPosition at, std::string reason, std::string_view hint);

 private:
  // These return false after they have added an error.
  bool ReadValue(const std::string& name, const TomlValue& value, Assignment* assignment);
  bool ReadString(const std::string& name, const TomlValue& value, Assignment* assignment);
  bool ReadElements(const std::string& name, const TomlValue& value, Assignment* assignment);
  bool IsOfType(const std::string& name, const TomlValue& value, TomlValue::Type type);

  void RefuseUnknown(const TomlEntry& entry, std::string_view section, const std::string& display);

  const std::string& file_;
  const SettingSource source_;
  const Environment& environment_;
  ConfigProblems* problems_;
};

}  // namespace fraiseql

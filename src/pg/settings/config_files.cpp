// SPDX-License-Identifier: PostgreSQL
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "core/base/regular_file.h"

extern "C" {
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
}

#include "pg/settings/config_files.h"
#include "pg/settings/gucs.h"

namespace fraiseql::pg {

namespace {

constexpr char kPrefix[] = "fraiseql_nats.";
constexpr size_t kMaxConfigBytes = 1024 * 1024;

std::optional<std::string> EnvironmentVariable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

// Reads one file into `file`; a missing one is an error unless it is the default.
void ReadFile(const char* setting, const char* default_name, const char* name,
              std::optional<ConfigFile>* file, LoadedConfig* loaded) {
  if (name[0] == '\0') return;
  const std::string path = name[0] == '/' ? name : std::string(DataDir) + "/" + name;
  ConfigFile read;
  std::string reason;
  const FileError error = ReadRegularFile(path, kMaxConfigBytes, &read.text, &reason);
  if (error == FileError::kMissing && strcmp(name, default_name) == 0) return;
  if (error != FileError::kNone) {
    ConfigProblem problem;
    problem.source = name;
    problem.reason = "could not read the file: " + reason;
    problem.hint = std::string("Check \"") + kPrefix + setting + "\".";
    loaded->errors.push_back(problem);
    return;
  }
  read.name = path.substr(path.rfind('/') + 1);
  *file = std::move(read);
}

void AddToFingerprint(const std::string& part, std::string* fingerprint) {
  fingerprint->append(std::to_string(part.size())).append(":").append(part);
}

// One text of all results: an environment variable counts only where it is used.
std::string Fingerprint(const LoadedConfig& loaded) {
  std::string text;
  for (const Setting& setting : loaded.config.settings) {
    AddToFingerprint(setting.name, &text);
    AddToFingerprint(setting.value.text, &text);
  }
  for (const ObserverRule& rule : loaded.config.rules) {
    for (const std::string* part :
         {&rule.name, &rule.table, &rule.entity, &rule.subject, &rule.condition, &rule.when,
          &rule.format, &rule.source, &rule.stream}) {
      AddToFingerprint(*part, &text);
    }
    for (const std::string& event : rule.events) AddToFingerprint(event, &text);
    for (const std::string& column : rule.columns) AddToFingerprint(column, &text);
  }
  for (const StreamRule& stream : loaded.config.streams) {
    AddToFingerprint(stream.name, &text);
    for (const std::string& subject : stream.subjects) AddToFingerprint(subject, &text);
    for (const auto& [key, value] : stream.values) {
      AddToFingerprint(key, &text);
      AddToFingerprint(value, &text);
    }
  }
  AddToFingerprint(ProblemText(loaded.errors), &text);
  return text;
}

}  // namespace

void LoadConfig(LoadedConfig* loaded) {
  *loaded = {};
  ConfigInput input;
  ReadFile("config_file", kDefaultConfigFile, settings.config_file, &input.file, loaded);
  ReadFile("observer_config_file", kDefaultObserverConfigFile, settings.observer_config_file,
           &input.observer_file, loaded);
  input.environment = EnvironmentVariable;
  const std::vector<ConfigProblem> problems = ParseConfig(input, &loaded->config);
  loaded->errors.insert(loaded->errors.end(), problems.begin(), problems.end());
  if (!loaded->errors.empty()) loaded->config = {};
  loaded->fingerprint = Fingerprint(*loaded);
}

Status ApplyConfig(const Config& config) {
  Status status;
  for (const Setting& setting : config.settings) {
    const std::string name = kPrefix + setting.name;
    // Overrides the built-in default, but no value that an administrator has set.
    const int result = set_config_option(name.c_str(), setting.value.text.c_str(), PGC_SIGHUP,
                                         PGC_S_DYNAMIC_DEFAULT, GUC_ACTION_SET, true, LOG, false);
    if (result == 0) {
      // The message does not repeat the value, which may be a password.
      status = Status::Invalid(setting.value.where + ": invalid value for \"" + name + "\"");
    }
  }
  return status;
}

std::string ProblemText(const std::vector<ConfigProblem>& problems) {
  std::string text;
  for (const ConfigProblem& problem : problems) {
    if (!text.empty()) text += "\n";
    text += problem.text();
    if (!problem.hint.empty()) text += " (" + problem.hint + ")";
  }
  return text;
}

}  // namespace fraiseql::pg

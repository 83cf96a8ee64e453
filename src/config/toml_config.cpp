// SPDX-License-Identifier: PostgreSQL
#include "config/toml_config.h"

#include <algorithm>
#include <map>

#include "config/observer_headers.h"
#include "config/rule_reader.h"
#include "config/section_reader.h"
#include "config/stream_reader.h"
#include "config/toml_document.h"
#include "config/value_text.h"

namespace fraiseql {

namespace {

constexpr char kMoveRules[] =
    "Move the observers to fraiseql-observer.toml, as [[observers.rules]]: FraiseQL does not read "
    "that file.";

bool HasEarlierPlace(const ConfigProblem& a, const ConfigProblem& b) { return a.at < b.at; }

void Append(std::vector<ConfigProblem> from, std::vector<ConfigProblem>* to) {
  std::stable_sort(from.begin(), from.end(), HasEarlierPlace);
  std::move(from.begin(), from.end(), std::back_inserter(*to));
}

// The observers work here, but FraiseQL's compiler rejects a file that has them.
void NoticeRules(TomlDocument* document, SectionReader* reader) {
  TomlEntry* observers = document->root.Find(kObserversKey);
  const TomlEntry* rules = observers == nullptr ? nullptr : observers->value.Find("rules");
  if (rules == nullptr) return;
  reader->AddNotice(rules->at, "FraiseQL's compiler refuses a file with observers", kMoveRules);
}

// Combines the environment and the files, which are read in the order of precedence, so that a
// value that exists overrides a later one.
class ConfigReader {
 public:
  explicit ConfigReader(const Environment& environment) : environment_(environment) {}

  void ReadVariables();
  void ReadFile(const ConfigFile& file, SettingSource source);

  // Returns the errors; without any, fills `config`.
  std::vector<ConfigProblem> Finish(Config* config);

 private:
  void ReadVariable(const KnownKey& key, const std::string& value);
  void ReadSections(const ConfigFile& file, SettingSource source, const TomlDocument& document,
                    SectionReader* reader);
  void TakeAssignment(const ConfigFile& file, SettingSource source, const Assignment& assignment,
                      SectionReader* reader);
  // The value that was added last, or null.
  const SettingValue* LastValue(const std::string& name) const;
  void AddSetting(const std::string& name, SettingValue value);
  // Adds a notice about a valid variable that has no effect.
  void AddNotice(const std::string& variable, const std::string& what, std::string_view reason,
                 std::string_view hint);

  const Environment& environment_;
  std::map<std::string, Setting> settings_;
  std::vector<ObserverRule> rules_;
  std::vector<StreamRule> streams_;
  ConfigProblems problems_;
};

void ConfigReader::ReadVariables() {
  for (const KnownKey* key : KeysOfEnvironment()) {
    const std::optional<std::string> value = environment_(std::string(key->environment));
    if (value.has_value()) ReadVariable(*key, *value);
  }
  for (const IdleKey* key : IdleKeysOfEnvironment()) {
    const std::string name(key->environment);
    if (environment_(name).has_value()) AddNotice(name, name, key->reason, key->hint);
  }
}

void ConfigReader::ReadVariable(const KnownKey& key, const std::string& value) {
  const std::string name(key.environment);
  std::string text;
  if (const IdleValue* idle = FindIdleValue(key.path, value, SettingSource::kEnvironment)) {
    return AddNotice(name, name + " = \"" + value + '"', idle->reason, idle->hint);
  }
  const Status status = VariableText(key, value, &text);
  if (!status.ok()) {
    problems_.errors.push_back({name, {}, status.message(), status.hint()});
    return;
  }
  if (!key.setting.empty()) {
    AddSetting(std::string(key.setting), {text, SettingSource::kEnvironment, name});
  }
}

void ConfigReader::ReadFile(const ConfigFile& file, SettingSource source) {
  TomlDocument document;
  if (std::optional<ConfigProblem> problem = ReadToml(file.text, &document)) {
    problem->source = file.name;
    problems_.errors.push_back(std::move(*problem));
    return;
  }
  ConfigProblems found;
  SectionReader reader(file.name, source, environment_, &found);
  if (document.mixed_at) {
    reader.AddWarning(*document.mixed_at, "[[observers]] beside [observers] is not valid TOML",
                      kMoveRules);
  } else if (source == SettingSource::kFile) {
    NoticeRules(&document, &reader);
  }
  ReadSections(file, source, document, &reader);
  Append(std::move(found.errors), &problems_.errors);
  Append(std::move(found.warnings), &problems_.warnings);
  Append(std::move(found.notices), &problems_.notices);
}

void ConfigReader::ReadSections(const ConfigFile& file, SettingSource source,
                                const TomlDocument& document, SectionReader* reader) {
  std::vector<Assignment> assignments;
  for (const TomlEntry& entry : document.root.entries) {
    const bool is_shared = source == SettingSource::kFile;
    if (is_shared && entry.key == kTransportPath) {
      reader->AddError(entry.at, "\"transport\" belongs in fraiseql-observer.toml",
                       "Move it there, or name it [observers.runtime.transport].");
    } else if (!is_shared || entry.key == kObserversKey || entry.key == "nats") {
      reader->ReadEntry(entry, "", "", &assignments);
    }
  }
  for (const Assignment& assignment : assignments) {
    TakeAssignment(file, source, assignment, reader);
  }
}

void ConfigReader::TakeAssignment(const ConfigFile& file, SettingSource source,
                                  const Assignment& assignment, SectionReader* reader) {
  for (const TomlValue* table : assignment.tables) {
    if (assignment.key->path == kStreamsPath) {
      ReadStream(file.name, *table, reader, &streams_);
    } else {
      ReadRule(file.name, *table, reader, &rules_);
    }
  }
  if (assignment.key->setting.empty()) return;
  const std::string name(assignment.key->setting);
  const std::string& text = assignment.texts.front();
  const SettingValue* last = LastValue(name);
  if (last != nullptr && last->source == source && last->text != text) {
    reader->AddError(assignment.at, "setting \"" + name + "\" has another value at " + last->where,
                     "Remove one of the two.");
  }
  AddSetting(name, {text, source, PlaceText(file.name, assignment.at)});
}

const SettingValue* ConfigReader::LastValue(const std::string& name) const {
  const auto found = settings_.find(name);
  if (found == settings_.end()) return nullptr;
  const Setting& setting = found->second;
  return setting.overridden.empty() ? &setting.value : &setting.overridden.back();
}

void ConfigReader::AddSetting(const std::string& name, SettingValue value) {
  const auto [found, is_new] = settings_.try_emplace(name);
  Setting& setting = found->second;
  if (is_new) {
    setting.name = name;
    setting.value = std::move(value);
  } else {
    setting.overridden.push_back(std::move(value));
  }
}

void ConfigReader::AddNotice(const std::string& variable, const std::string& what,
                             std::string_view reason, std::string_view hint) {
  problems_.notices.push_back(
      {variable, {}, what + " has no effect here: " + std::string(reason), std::string(hint)});
}

std::vector<ConfigProblem> ConfigReader::Finish(Config* config) {
  if (rules_.size() > kMaxRules) {
    problems_.errors.push_back({rules_[kMaxRules].where,
                                {},
                                "there are more than 20000 observers",
                                "Observe further tables with fraiseql_nats.observe()."});
  }
  NameRules(&rules_, &problems_);
  CheckStreamNames(streams_, &problems_);
  MakeFit(&problems_.errors);
  MakeFit(&problems_.warnings);
  MakeFit(&problems_.notices);
  if (problems_.errors.empty()) {
    *config = {{},
               std::move(rules_),
               std::move(streams_),
               std::move(problems_.warnings),
               std::move(problems_.notices)};
    for (auto& [name, setting] : settings_) config->settings.push_back(std::move(setting));
  }
  return std::move(problems_.errors);
}

}  // namespace

std::vector<ConfigProblem> ParseConfig(const ConfigInput& input, Config* config) {
  ConfigReader reader(input.environment);
  if (input.environment != nullptr) reader.ReadVariables();
  if (input.observer_file) reader.ReadFile(*input.observer_file, SettingSource::kObserverFile);
  if (input.file) reader.ReadFile(*input.file, SettingSource::kFile);
  return reader.Finish(config);
}

std::vector<ConfigProblem> ParseConfigText(const std::string& text, Config* config) {
  TomlDocument document;
  const bool is_observer_file =
      !ReadToml(text, &document) && document.root.Find(kTransportPath) != nullptr;
  // Made in one step: of one that is assigned to, g++ 16 thinks that it might be uninitialized.
  const ConfigInput input = is_observer_file
                                ? ConfigInput{{}, ConfigFile{"fraiseql-observer.toml", text}, {}}
                                : ConfigInput{ConfigFile{"fraiseql.toml", text}, {}, {}};
  return ParseConfig(input, config);
}

}  // namespace fraiseql

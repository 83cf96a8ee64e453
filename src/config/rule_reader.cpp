// SPDX-License-Identifier: PostgreSQL
#include "config/rule_reader.h"

#include <map>

#include "config/qualified_name.h"
#include "core/base/ascii.h"
#include "core/route/observer.h"
#include "core/route/topic.h"

namespace fraiseql {

namespace {

constexpr struct {
  std::string_view name;
  std::string ObserverRule::*field;
} kTexts[] = {
    {"name", &ObserverRule::name},           {"table", &ObserverRule::table},
    {"entity", &ObserverRule::entity},       {"subject", &ObserverRule::subject},
    {"condition", &ObserverRule::condition}, {"when", &ObserverRule::when},
    {"format", &ObserverRule::format},       {"source", &ObserverRule::source},
    {"stream", &ObserverRule::stream},
};

constexpr Operation kOperations[] = {Operation::kInsert, Operation::kUpdate, Operation::kDelete,
                                     Operation::kTruncate};

OperationSet SetOfNames(const std::vector<std::string>& names) {
  OperationSet operations = 0;
  for (const std::string& name : names) {
    Operation operation{};
    if (ParseOperation(name, &operation)) operations |= SetOf(operation);
  }
  return operations;
}

// Stores a key's value in the rule.  Returns whether the key gives the events.
bool TakeAssignment(const Assignment& assignment, ObserverRule* rule) {
  const std::string_view name = assignment.key->path.substr(kRulesPath.size() + 1);
  for (const auto& text : kTexts) {
    if (text.name != name) continue;
    rule->*text.field = assignment.texts.front();
    return false;
  }
  if (name == "columns") {
    rule->columns = assignment.texts;
    return false;
  }
  const OperationSet operations = SetOfNames(assignment.texts);
  for (const Operation operation : kOperations) {
    if (operations & SetOf(operation)) rule->events.emplace_back(OperationName(operation));
  }
  return true;
}

// ok if the keys, each of them valid, make a valid observer together.
Status CheckRule(const ObserverRule& rule, int times_events_given) {
  if (rule.table.empty() && rule.entity.empty()) {
    return Status::Invalid("observer has neither table nor entity",
                           "Write table = \"tb_order\" or entity = \"Order\".");
  }
  if (rule.table.empty() && TableOf(rule).table.size() > kMaxIdentifierBytes) {
    return Status::Invalid("entity \"" + rule.entity + "\" does not determine a valid table name",
                           "Write table = \"...\", or choose a shorter entity.");
  }
  if (times_events_given != 1) {
    return Status::Invalid(
        times_events_given == 0 ? "observer has no event" : "observer gives its events twice",
        "Write event = \"INSERT\", or events = [\"INSERT\", \"UPDATE\"].");
  }
  if (!(rule.condition.empty() && rule.when.empty()) &&
      rule.events.back() == OperationName(Operation::kTruncate)) {
    return Status::Invalid("condition cannot apply to TRUNCATE, which has no row",
                           "Declare another observer, without condition, for TRUNCATE.");
  }
  if (!rule.source.empty() && rule.source != "row" && !IsTopic(rule.subject)) {
    return Status::Invalid("source \"" + rule.source + "\" needs a topic",
                           "Give a subject without a dot, such as order_created.");
  }
  return Status::Ok();
}

std::string DerivedName(const ObserverRule& rule) {
  std::string name = "toml:" + (rule.table.empty() ? rule.entity : rule.table);
  if (rule.events.size() == std::size(kOperations)) return name;
  char separator = '.';
  for (const std::string& event : rule.events) {
    name += separator;
    for (const char c : event) name += AsciiLower(c);
    separator = '_';
  }
  return name;
}

// The contents of a rule without its name, to compare rules.
std::string Contents(const ObserverRule& rule) {
  std::string contents;
  for (const auto& text : kTexts) {
    if (text.name != "name") contents.append(rule.*text.field).push_back('\0');
  }
  for (const auto* list : {&rule.events, &rule.columns}) {
    for (const std::string& item : *list) contents.append(item).push_back('\0');
    contents.push_back('\0');
  }
  return contents;
}

}  // namespace

void ReadRule(const std::string& file, const TomlValue& table, SectionReader* reader,
              std::vector<ObserverRule>* rules) {
  std::vector<Assignment> assignments;
  const bool is_readable = reader->ReadTable(table, kRulesPath, "", &assignments);
  if (!is_readable) return;
  ObserverRule rule;
  rule.where = PlaceText(file, table.at);
  int times_events_given = 0;
  for (const Assignment& assignment : assignments) {
    if (TakeAssignment(assignment, &rule)) ++times_events_given;
  }
  const Status status = CheckRule(rule, times_events_given);
  if (status.ok()) {
    rules->push_back(std::move(rule));
  } else {
    reader->AddError(table.at, status.message(), status.hint());
  }
}

void NameRules(std::vector<ObserverRule>* rules, ConfigProblems* problems) {
  const auto refuse = [problems](const ObserverRule& rule, std::string reason, const char* hint) {
    problems->errors.push_back({rule.where, {}, std::move(reason), hint});
  };
  std::map<std::string, int> derived;
  std::map<std::string, std::string> where_of_contents, where_of_names;
  for (ObserverRule& rule : *rules) {
    const auto [same, is_new] = where_of_contents.emplace(Contents(rule), rule.where);
    if (!is_new) {
      refuse(rule, "observer repeats the one at " + same->second, "Remove one of them.");
      continue;
    }
    if (rule.name.empty()) {
      rule.name = DerivedName(rule);
      const int count = ++derived[rule.name];
      if (count > 1) rule.name += '#' + std::to_string(count);
    }
    const auto [named, is_new_name] = where_of_names.emplace(rule.name, rule.where);
    if (!is_new_name) {
      refuse(rule, "observer \"" + rule.name + "\" is already declared at " + named->second,
             "Give it another name.");
    }
  }
}

}  // namespace fraiseql

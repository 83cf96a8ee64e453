// SPDX-License-Identifier: PostgreSQL
#include "config/section_reader.h"

#include "config/nearest_name.h"
#include "config/value_text.h"

namespace fraiseql {

namespace {

using Type = TomlValue::Type;

constexpr struct {
  Type type;
  std::string_view name, hint;
} kTypes[] = {
    {Type::kString, "a string", "Write it in quotes."},
    {Type::kInteger, "an integer", "Write digits without quotes."},
    {Type::kBoolean, "a boolean", "Write true or false, without quotes."},
    {Type::kArray, "an array", "Write it in brackets."},
    {Type::kTable, "a table", "Write it as a section: its name in brackets, keys below."},
};

std::string Join(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : std::string(section) + '.' + std::string(name);
}

std::string Quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string ListOf(const std::vector<std::string_view>& names) {
  std::string list;
  for (const std::string_view name : names) {
    if (!list.empty()) list += ", ";
    list += name;
  }
  return list;
}

}  // namespace

bool SectionReader::ReadTable(const TomlValue& table, std::string_view path,
                              const std::string& display, std::vector<Assignment>* assignments) {
  const size_t errors = problems_->errors.size();
  for (const TomlEntry& entry : table.entries) ReadEntry(entry, path, display, assignments);
  return problems_->errors.size() == errors;
}

void SectionReader::ReadEntry(const TomlEntry& entry, std::string_view path,
                              const std::string& display, std::vector<Assignment>* assignments) {
  std::string entry_path = Join(path, entry.key);
  const std::string entry_display = Join(display, entry.key);
  if (entry_path == kServerTransportPath) entry_path = kTransportPath;
  if (const RefusedKey* refused = FindRefusedKey(entry_path)) {
    AddError(entry.at,
             Quoted(entry_display) + " cannot be honoured: " + std::string(refused->reason),
             refused->hint);
  } else if (const IdleKey* idle = FindIdleKey(entry_path, source_)) {
    AddNotice(entry.at, Quoted(entry_display) + " has no effect here: " + std::string(idle->reason),
              idle->hint);
  } else if (const KnownKey* known = FindKnownKey(entry_path)) {
    Assignment assignment{known, entry.at, {}, {}};
    if (ReadValue(Quoted(entry_display), entry.value, &assignment)) {
      assignments->push_back(std::move(assignment));
    }
  } else if (!IsSection(entry_path)) {
    RefuseUnknown(entry, path, display);
  } else if (IsOfType(Quoted(entry_display), entry.value, Type::kTable)) {
    ReadTable(entry.value, entry_path, entry_display, assignments);
  }
}

bool SectionReader::ReadValue(const std::string& name, const TomlValue& value,
                              Assignment* assignment) {
  const KnownKey& key = *assignment->key;
  switch (key.type) {
    case ValueType::kString:
      return IsOfType(name, value, Type::kString) && ReadString(name, value, assignment);
    case ValueType::kBoolean:
      if (!IsOfType(name, value, Type::kBoolean)) return false;
      assignment->texts.push_back(BooleanText(value.boolean));
      return true;
    case ValueType::kInteger: {
      if (!IsOfType(name, value, Type::kInteger)) return false;
      const Status status =
          IntegerText(key, name, value.integer, &assignment->texts.emplace_back());
      if (!status.ok()) AddError(value.at, status.message(), status.hint());
      return status.ok();
    }
    case ValueType::kStrings:
    case ValueType::kTables:
      return IsOfType(name, value, Type::kArray) && ReadElements(name, value, assignment);
  }
  return false;
}

bool SectionReader::ReadString(const std::string& name, const TomlValue& value,
                               Assignment* assignment) {
  std::string& text = assignment->texts.emplace_back();
  if (environment_ == nullptr && HasVariables(value.string)) {
    text = value.string;
    AddWarning(value.at, name + " refers to the server's environment, which is not looked up here",
               "The value of the variable is checked when the files are read.");
    return true;
  }
  Status status = ExpandVariables(value.string, environment_, &text);
  if (!status.ok()) {
    AddError(value.at, name + ": " + status.message(), status.hint());
    return false;
  }
  if (text.find('\0') != std::string::npos) {
    status = Status::Invalid(name + " has a zero byte", "Remove it.");
  } else if (const IdleValue* idle = FindIdleValue(assignment->key->path, text, source_)) {
    AddNotice(value.at,
              name + " = " + Quoted(text) + " has no effect here: " + std::string(idle->reason),
              idle->hint);
  } else if (assignment->key->check != nullptr) {
    status = assignment->key->check(text);
  }
  if (!status.ok()) AddError(value.at, status.message(), status.hint());
  return status.ok();
}

bool SectionReader::ReadElements(const std::string& name, const TomlValue& value,
                                 Assignment* assignment) {
  const bool are_tables = assignment->key->type == ValueType::kTables;
  if (value.elements.empty() && !are_tables) {
    AddError(value.at, name + " is empty", "Give it a value, or remove the key.");
    return false;
  }
  const std::string element_name = "each element of " + name;
  bool is_good = true;
  for (const TomlValue& element : value.elements) {
    if (are_tables) {
      const bool is_table = IsOfType(element_name, element, Type::kTable);
      if (is_table) assignment->tables.push_back(&element);
      is_good &= is_table;
    } else {
      is_good &=
          IsOfType(element_name, element, Type::kString) && ReadString(name, element, assignment);
    }
  }
  return is_good;
}

bool SectionReader::IsOfType(const std::string& name, const TomlValue& value, Type type) {
  if (value.type == type) return true;
  for (const auto& wanted : kTypes) {
    if (wanted.type != type) continue;
    AddError(
        value.at,
        name + " must be " + std::string(wanted.name) + ", not " + std::string(value.type_name),
        wanted.hint);
  }
  return false;
}

void SectionReader::RefuseUnknown(const TomlEntry& entry, std::string_view section,
                                  const std::string& display) {
  const std::vector<std::string_view> names = NamesIn(section);
  const std::string_view nearest = NearestName(entry.key, names);
  std::string hint = "Remove it.";
  if (!nearest.empty()) {
    hint = "Did you mean " + Quoted(nearest) + '?';
  } else if (!names.empty()) {
    hint = "Known keys are " + ListOf(names) + '.';
  }
  AddError(entry.at,
           "unknown key " + Quoted(entry.key) + (display.empty() ? "" : " in [" + display + ']'),
           hint);
}

void SectionReader::AddError(TextPosition at, std::string reason, std::string_view hint) {
  problems_->errors.push_back({file_, at, std::move(reason), std::string(hint)});
}

void SectionReader::AddWarning(TextPosition at, std::string reason, std::string_view hint) {
  problems_->warnings.push_back({file_, at, std::move(reason), std::string(hint)});
}

void SectionReader::AddNotice(TextPosition at, std::string reason, std::string_view hint) {
  problems_->notices.push_back({file_, at, std::move(reason), std::string(hint)});
}

}  // namespace fraiseql

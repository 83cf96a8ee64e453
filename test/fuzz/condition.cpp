// SPDX-License-Identifier: PostgreSQL
// Conditions of observers, and what they say of a row: the input is the condition, a NUL, and a
// value of the row as JSON.
#include "core/route/condition.h"

#include <nlohmann/json.hpp>
#include <string>

#include "../unit/rows.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fraiseql;
  std::string_view value = TextOf(data, size);
  const std::string_view text = value.substr(0, value.find('\0'));
  value.remove_prefix(std::min(value.size(), text.size() + 1));
  Condition condition;
  const Status parsed = Condition::Parse(text, &condition);
  if (!parsed.ok()) {
    MUST(!parsed.message().empty());
    return 0;
  }
  MUST(condition.text() == text);
  const Condition copy = condition;
  static const Relation kRelation = MakeRelation("public", "t", {"a", "b", "c"}, {0});
  const std::string_view other = nlohmann::json::accept(value) ? value : "null";
  for (const auto operation : {Operation::kInsert, Operation::kUpdate, Operation::kDelete}) {
    Change change;
    change.operation = operation;
    change.relation = &kRelation;
    FillRow({"12.50", other, kUnchangedValue}, &change.new_row);
    FillRow({"\"x\\u00e9\"", kAbsentValue, other}, &change.old_row);
    change.has_old_row = operation != Operation::kInsert;
    bool holds = false, again = false;
    const Status first = condition.Evaluate(change, &holds);
    const Status second = copy.Evaluate(change, &again);
    MUST(first.code() == second.code() && holds == again);
  }
  MUST(condition.columns() == copy.columns());
  return 0;
}

// SPDX-License-Identifier: PostgreSQL
#include "core/route/condition.h"

#include <algorithm>

#include "core/base/decimal.h"
#include "core/base/json_text.h"

namespace fraiseql {

namespace {

using State = RowImage::State;

constexpr char kIdentityHint[] = "ALTER TABLE ... REPLICA IDENTITY FULL logs the whole old row.";

// The number of the column `name`, or -1.
int FindColumn(const Change& change, std::string_view name) {
  const auto& columns = change.relation->columns;
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [name](const Column& column) { return column.name == name; });
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

State StateOf(const RowImage* row, int column) {
  const auto i = static_cast<size_t>(column);
  return row != nullptr && i < row->size() ? row->state(i) : State::kAbsent;
}

std::string_view JsonOf(const RowImage* row, int column) {
  return row->json(static_cast<size_t>(column));
}

Status NotLogged(std::string_view which, std::string_view column) {
  return Status::Rejected(
      std::string(which) + " value of column \"" + std::string(column) + "\" is not in the log",
      kIdentityHint);
}

Status NoSuchColumn(const Change& change, std::string_view column) {
  return Status::Rejected(
      "table \"" + change.relation->table + "\" has no column \"" + std::string(column) + "\"",
      "Remove the column from the condition, or use has_field() before it.");
}

bool IsString(std::string_view json) { return !json.empty() && json.front() == '"'; }

// Whether two JSON values are equal.  `literal` has only the necessary escapes.
bool EqualJson(std::string_view json, std::string_view literal) {
  if (json == literal) return true;
  if (IsJsonNumber(json) && IsJsonNumber(literal)) return CompareJsonNumbers(json, literal) == 0;
  // A value of type json is stored as it was written, perhaps with unnecessary escapes.
  if (!IsString(json) || !IsString(literal) || json.find('\\') == std::string_view::npos) {
    return false;
  }
  std::string a, b;
  AppendJsonValueAsText(json, &a);
  AppendJsonValueAsText(literal, &b);
  return a == b;
}

}  // namespace

Status Condition::Evaluate(const Change& change, bool* holds) const {
  return EvaluateNode(root_, change, holds);
}

Status Condition::EvaluateNode(const Node& node, const Change& change, bool* holds) {
  switch (node.kind) {
    case Kind::kAnd:
    case Kind::kOr:
      return EvaluateJunction(node, change, holds);
    case Kind::kNot: {
      const Status status = EvaluateNode(node.operands.front(), change, holds);
      if (status.ok()) *holds = !*holds;
      return status;
    }
    case Kind::kHasField:
      return HasField(node, change, holds);
    case Kind::kFieldChanged:
    case Kind::kFieldChangedTo:
    case Kind::kFieldChangedFrom:
      return FieldChanged(node, change, holds);
    default:
      return Compare(node, change, holds);
  }
}

Status Condition::EvaluateJunction(const Node& node, const Change& change, bool* holds) {
  const bool decisive = node.kind == Kind::kOr;
  *holds = !decisive;
  for (const Node& operand : node.operands) {
    const Status status = EvaluateNode(operand, change, holds);
    if (!status.ok() || *holds == decisive) return status;
  }
  return Status::Ok();
}

Status Condition::Compare(const Node& node, const Change& change, bool* holds) {
  const int column = FindColumn(change, node.column);
  if (column < 0) return NoSuchColumn(change, node.column);
  const RowImage* row = RowOf(change);
  if (StateOf(row, column) != State::kPresent) return NotLogged("the", node.column);
  const std::string_view json = JsonOf(row, column);
  if (node.kind == Kind::kEqual || node.kind == Kind::kNotEqual) {
    *holds = EqualJson(json, node.literal) == (node.kind == Kind::kEqual);
    return Status::Ok();
  }
  if (!IsJsonNumber(json)) {
    return Status::Rejected("the value of column \"" + node.column + "\" is not a number",
                            "Only numbers have an order; test for null first.");
  }
  const int order = CompareJsonNumbers(json, node.literal);
  *holds = (node.kind == Kind::kGreater && order > 0) || (node.kind == Kind::kLess && order < 0) ||
           (node.kind == Kind::kGreaterOrEqual && order >= 0) ||
           (node.kind == Kind::kLessOrEqual && order <= 0);
  return Status::Ok();
}

Status Condition::HasField(const Node& node, const Change& change, bool* holds) {
  const int column = FindColumn(change, node.column);
  *holds = column >= 0 && StateOf(RowOf(change), column) != State::kAbsent;
  return Status::Ok();
}

Status Condition::FieldChanged(const Node& node, const Change& change, bool* holds) {
  *holds = false;
  if (change.operation != Operation::kUpdate) return Status::Ok();
  const int column = FindColumn(change, node.column);
  if (column < 0) return NoSuchColumn(change, node.column);
  const RowImage* new_row = &change.new_row;
  const RowImage* old_row = OldRowOf(change);
  // The UPDATE did not change this TOAST value.
  if (StateOf(new_row, column) == State::kUnchanged) return Status::Ok();
  if (StateOf(new_row, column) != State::kPresent) return NotLogged("the", node.column);
  if (StateOf(old_row, column) != State::kPresent) return NotLogged("the old", node.column);
  const std::string_view before = JsonOf(old_row, column);
  const std::string_view after = JsonOf(new_row, column);
  if (before == after) return Status::Ok();
  const std::string_view named = node.kind == Kind::kFieldChangedFrom ? before : after;
  *holds = node.kind == Kind::kFieldChanged ||
           EqualJson(named, IsString(named) ? node.literal : node.text);
  return Status::Ok();
}

void Condition::AddColumns(const Node& node, bool changed_only, std::vector<std::string>* names) {
  const bool is_wanted = !changed_only || node.kind == Kind::kFieldChanged ||
                         node.kind == Kind::kFieldChangedTo || node.kind == Kind::kFieldChangedFrom;
  const bool is_known = std::find(names->begin(), names->end(), node.column) != names->end();
  if (!node.column.empty() && is_wanted && !is_known) names->push_back(node.column);
  for (const Node& operand : node.operands) AddColumns(operand, changed_only, names);
}

std::vector<std::string> Condition::columns() const {
  std::vector<std::string> names;
  AddColumns(root_, false, &names);
  return names;
}

std::vector<std::string> Condition::changed_columns() const {
  std::vector<std::string> names;
  AddColumns(root_, true, &names);
  return names;
}

}  // namespace fraiseql

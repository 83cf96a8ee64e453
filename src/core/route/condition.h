// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/change/change.h"
#include "core/base/status.h"

namespace fraiseql {

// Which changes an observer wants, in FraiseQL's condition language:
//
//   condition := and {"||" and}
//   and       := not {"&&" not}
//   not       := {"!"} ("(" condition ")" | test)
//   test      := COLUMN ("==" | "!=" | ">" | "<" | ">=" | "<=") literal
//              | "has_field" "(" STRING ")"
//              | "field_changed" "(" STRING ")"
//              | ("field_changed_to" | "field_changed_from") "(" STRING "," STRING ")"
//   literal   := STRING | NUMBER | "true" | "false" | "null"
//
//   COLUMN    a letter or _, then letters, digits, _
//   STRING    in single quotes, without any escape
//   NUMBER    as in JSON
//
// A test reads the new row, for a DELETE the old one.  Numbers are compared exactly, and only
// numbers have an order.  Values of different kinds are unequal, so '5' is not 5.  The second
// argument of field_changed_to and field_changed_from is the value's text, whatever its kind.  Only
// an UPDATE changes a field.  has_field tests whether the row has the column; the row of a DELETE
// may have only the key columns.
//
// Immutable; may be copied.
class Condition {
 public:
  // kInvalid, with the place in the text, if the text is not a condition, has more than 4096 bytes
  // or nests deeper than 64 levels.
  static Status Parse(std::string_view text, Condition* parsed);

  // Sets `*holds` to whether `change` meets the condition; && and || evaluate no more than
  // necessary. kRejected: the condition cannot be evaluated, because a column does not exist, its
  // value is not in the log, or a value is not a number.  Allocates only to compare strings with
  // escapes and to explain a failure.
  // REQUIRES: parsed
  Status Evaluate(const Change& change, bool* holds) const;

  // The columns that the condition names, each once.
  std::vector<std::string> columns() const;
  // Those whose old value it needs for an UPDATE.
  std::vector<std::string> changed_columns() const;

  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  friend class ConditionParser;

  enum class Kind : uint8_t {
    kAnd,  // the operands of these three are `operands`
    kOr,
    kNot,
    kEqual,
    kNotEqual,
    kGreater,
    kLess,
    kGreaterOrEqual,
    kLessOrEqual,
    kHasField,
    kFieldChanged,
    kFieldChangedTo,
    kFieldChangedFrom,
  };
  struct Node {
    Kind kind = Kind::kAnd;
    std::vector<Node> operands;
    std::string column;
    std::string literal;  // as JSON
    std::string text;     // the second argument of field_changed_to and _from, verbatim
  };

  static Status EvaluateNode(const Node& node, const Change& change, bool* holds);
  static Status EvaluateJunction(const Node& node, const Change& change, bool* holds);
  static Status Compare(const Node& node, const Change& change, bool* holds);
  static Status HasField(const Node& node, const Change& change, bool* holds);
  static Status FieldChanged(const Node& node, const Change& change, bool* holds);
  static void AddColumns(const Node& node, bool changed_only, std::vector<std::string>* names);

  std::string text_;
  Node root_;
};

}  // namespace fraiseql

// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "parser/parser.h"
}

#include "pg/backfill/backfill_filter.h"
#include "pg/observe/observer_filter.h"

namespace fraiseql::pg {

namespace {

List* Parse(const char* sql) {
  ErrorContextCallback callback;
  callback.callback = PointIntoText;
  callback.arg = const_cast<char*>(sql);
  callback.previous = error_context_stack;
  error_context_stack = &callback;
  List* statements = raw_parser(sql, RAW_PARSE_DEFAULT);
  error_context_stack = callback.previous;
  return statements;
}

// Whether it is SELECT with one expression, and nothing else.
bool IsBareSelect(const List* statements) {
  if (list_length(statements) != 1) return false;
  const Node* node = linitial_node(RawStmt, statements)->stmt;
  if (!IsA(node, SelectStmt)) return false;
  const auto* select = reinterpret_cast<const SelectStmt*>(node);
  if (list_length(select->targetList) != 1) return false;
  const ResTarget* target = linitial_node(ResTarget, select->targetList);
  SelectStmt bare = *select;
  bare.targetList = nullptr;
  SelectStmt empty{};
  empty.type = bare.type;
  empty.limitOption = bare.limitOption;
  return target->name == nullptr && target->indirection == nullptr && equal(&bare, &empty);
}

}  // namespace

void RequireExpression(const char* text) {
  if (IsBareSelect(Parse(psprintf("SELECT %s", text)))) return;
  ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("filter is not an SQL expression"),
                  errdetail("The filter is \"%s\".", text),
                  errhint("Give a condition on the row, such as total > 100.")));
}

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

#include "pg/base/compat.h"
#include "pg/base/server_text.h"
#include "pg/decode/row_test.h"
#include "pg/observe/observer_filter.h"

namespace fraiseql::pg {

namespace {

// Errors of these classes come from the expression and its values: the process is intact, and the
// end of the decoded transaction frees what the failed code held.  Any other error, such as a read
// error or a cancellation, must propagate.
bool IsOfExpression(int sqlstate) {
  const int category = ERRCODE_TO_CATEGORY(sqlstate);
  return category == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION) ||
         category == ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION) ||
         category == ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED) ||
         category == ERRCODE_TO_CATEGORY(ERRCODE_FEATURE_NOT_SUPPORTED);
}

// Called in PG_CATCH: returns the error's message, in `context`, or re-throws the error.
const char* TakeMessage(MemoryContext context) {
  MemoryContextSwitchTo(context);
  if (!IsOfExpression(geterrcode())) PG_RE_THROW();
  const ErrorData* error = CopyErrorData();
  FlushErrorState();
  return error->message;
}

struct Columns {
  const int* positions;
  int count;
  TestedColumn* items;
};

bool AddColumn(Node* node, void* argument) {
  if (node == nullptr) return false;
  if (!IsA(node, Var)) return expression_tree_walker(node, AsTreeWalker(AddColumn), argument);
  auto* columns = static_cast<Columns*>(argument);
  const auto* var = reinterpret_cast<Var*>(node);
  const TestedColumn column{static_cast<int>(var->varno), columns->positions[var->varattno - 1]};
  for (int i = 0; i < columns->count; ++i) {
    const TestedColumn& other = columns->items[i];
    if (other.varno == column.varno && other.position == column.position) return false;
  }
  columns->items[columns->count++] = column;
  return false;
}

void Prepare(const char* text, ::Relation relation, const int* positions, RowTest* test) {
  Expr* expression = ParseFilter(FromUtf8(text), relation);
  const auto natts = static_cast<size_t>(RelationGetNumberOfAttributes(relation));
  Columns columns{positions, 0,
                  static_cast<TestedColumn*>(palloc(sizeof(TestedColumn) * 3 * (natts + 1)))};
  (void)AddColumn(reinterpret_cast<Node*>(expression), &columns);
  test->columns = columns.items;
  test->column_count = columns.count;
  test->state = ExecInitExpr(expression, nullptr);
}

void Store(HeapTuple tuple, TupleDesc desc, TupleTableSlot* slot) {
  ExecClearTuple(slot);
  if (tuple == nullptr) {
    ExecStoreAllNullTuple(slot);
  } else {
    heap_deform_tuple(tuple, desc, slot->tts_values, slot->tts_isnull);
    ExecStoreVirtualTuple(slot);
  }
}

// The row of a change that has the column; null if there is none, which makes the column null.
const RowImage* RowOf(const TestedColumn& column, const Change& change) {
  const bool is_old = column.varno == kVarOfOld ||
                      (column.varno == kVarOfRow && change.operation == Operation::kDelete);
  const bool is_first =
      change.operation == Operation::kInsert || change.operation == Operation::kSnapshot;
  if (is_old) return is_first ? nullptr : &change.old_row;
  return change.operation == Operation::kDelete ? nullptr : &change.new_row;
}

// Null if the log has the values of all columns.
const char* FindMissing(const RowTest& test, const Change& change) {
  for (int i = 0; i < test.column_count; ++i) {
    const TestedColumn& column = test.columns[i];
    const RowImage* row = RowOf(column, change);
    if (row == nullptr) continue;
    const auto position = static_cast<size_t>(column.position);
    const RowImage::State state = row->state(position);
    if (state == RowImage::State::kPresent || state == RowImage::State::kFailed) continue;
    return psprintf("the %svalue of column \"%s\" is not in the log",
                    row == &change.old_row ? "old " : "",
                    change.relation->columns[position].name.c_str());
  }
  return nullptr;
}

}  // namespace

TestedRows* MakeTestedRows(::Relation relation, MemoryContext parent) {
  MemoryContext context =
      AllocSetContextCreate(parent, "fraiseql_nats row tests", ALLOCSET_SMALL_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(context);
  auto* rows = static_cast<TestedRows*>(palloc(sizeof(TestedRows)));
  TupleDesc desc = CreateTupleDescCopy(RelationGetDescr(relation));
  rows->context = context;
  rows->expression_context = CreateStandaloneExprContext();
  rows->new_row = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
  rows->old_row = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
  MemoryContextSwitchTo(old);
  return rows;
}

const RowTest* MakeRowTest(const char* text, ::Relation relation, const int* positions,
                           TestedRows* rows) {
  const MemoryContext old = MemoryContextSwitchTo(rows->context);
  auto* test = static_cast<RowTest*>(palloc0(sizeof(RowTest)));
  PG_TRY();
  { Prepare(text, relation, positions, test); }
  PG_CATCH();
  { test->trouble = TakeMessage(rows->context); }
  PG_END_TRY();
  MemoryContextSwitchTo(old);
  return test;
}

void LoadRows(const TestedRows& rows, ::Relation relation, const Change& change,
              HeapTuple old_tuple, HeapTuple new_tuple) {
  TupleDesc desc = RelationGetDescr(relation);
  Store(old_tuple, desc, rows.old_row);
  Store(new_tuple, desc, rows.new_row);
  // A TOAST value that the UPDATE did not change must not be read; the old row has it if that was
  // logged whole.  If not, no test reads it: see FindMissing().
  if (old_tuple != nullptr && new_tuple != nullptr) {
    for (int i = 0; i < desc->natts; ++i) {
      if (rows.new_row->tts_isnull[i] || rows.old_row->tts_isnull[i]) continue;
      if (TupleDescAttr(desc, i)->attlen != -1) continue;
      if (!VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(rows.new_row->tts_values[i]))) continue;
      rows.new_row->tts_values[i] = rows.old_row->tts_values[i];
    }
  }
  ExprContext* context = rows.expression_context;
  context->ecxt_scantuple = change.operation == Operation::kDelete ? rows.old_row : rows.new_row;
  context->ecxt_innertuple = rows.new_row;
  context->ecxt_outertuple = rows.old_row;
}

const char* Evaluate(const RowTest& test, const TestedRows& rows, const Change& change,
                     bool* holds) {
  *holds = false;
  if (test.trouble != nullptr) return test.trouble;
  if (const char* missing = FindMissing(test, change); missing != nullptr) return missing;
  const MemoryContext context = CurrentMemoryContext;
  const char* volatile trouble = nullptr;
  ResetExprContext(rows.expression_context);
  PG_TRY();
  {
    bool is_null = false;
    const Datum value = ExecEvalExprSwitchContext(test.state, rows.expression_context, &is_null);
    *holds = !is_null && DatumGetBool(value);
  }
  PG_CATCH();
  { trouble = TakeMessage(context); }
  PG_END_TRY();
  return trouble;
}

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

#include "core/format/format.h"
#include "pg/base/guard.h"
#include "pg/base/server_text.h"
#include "pg/observe/observer_check.h"
#include "pg/observe/observer_bucket.h"
#include "pg/observe/observer_table.h"
#include "pg/observe/observer_warnings.h"
#include "pg/shared/stream_subjects.h"
#include "pg/base/subtransaction.h"
#include "pg/base/pinned_settings.h"
#include "pg/base/server_text.h"
#include "pg/observe/observer_filter.h"

namespace fraiseql::pg {

namespace {

void RequireColumn(Oid table, const char* column) {
  if (get_attnum(table, column) > 0) return;
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_COLUMN),
           errmsg("column \"%s\" of relation \"%s\" does not exist", column, get_rel_name(table))));
}

// Parses with the settings of the process that will parse the expression when it decodes.
const Expr* RequireFilter(::Relation relation, const char* filter) {
  const int nest_level = NewGUCNestLevel();
  PinSettings(true);
  Expr* expression = ParseFilter(FromUtf8(filter), relation);
  // Initialises the expression, which also checks the caller's EXECUTE privileges.
  (void)ExecInitExpr(expression, nullptr);
  AtEOXact_GUC(false, nest_level);
  return expression;
}

// The objects of one check, in a memory context that an error frees.
struct RowCheck {
  ObserverRow row;
  Observer observer;
  std::string stream;
  std::vector<std::string> columns;
};

struct RowToCheck {
  HeapTuple tuple;
  TupleDesc desc;
};

// A row of the table is never TOASTed (see the install script).
constexpr size_t kMaxRowBytes = 7500;

void RequireFit(HeapTuple tuple, const ObserverRow& row) {
  if (tuple->t_len <= kMaxRowBytes) return;
  ereport(ERROR,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
           errmsg("observer \"%s\" is too large", row.name.c_str()),
           errdetail("It takes %u bytes; the limit is %zu bytes.", tuple->t_len, kMaxRowBytes),
           errhint("Name fewer columns, or test for less in its filter.")));
}

RowCheck* ReadRow(HeapTuple tuple, TupleDesc desc) {
  auto* check = NewInContext<RowCheck>(CurrentMemoryContext);
  ReadObserverRow(tuple, desc, &check->row);
  if (Status status = ParseObserver(check->row, &check->observer); !status.ok()) {
    RaiseStatus(std::move(status));
  }
  return check;
}

// `sink` may be null: no warnings.
void CheckTable(RowCheck* check, const WarningSink* sink) {
  RequireObservableTable(check->row.relation);
  check->columns = check->observer.subject.columns();
  for (const std::string& column : check->columns) {
    RequireColumn(check->row.relation, column.c_str());
  }
  check->columns = check->observer.condition.columns();
  for (const std::string& column : check->columns) {
    RequireColumn(check->row.relation, column.c_str());
  }
  for (const std::string& column : check->row.columns) {
    RequireColumn(check->row.relation, column.c_str());
  }
  ::Relation relation = table_open(check->row.relation, AccessShareLock);
  if (sink != nullptr && FormatOf(check->observer).of_buckets()) {
    RequireBucket(check->observer, relation);
    WarnOfBucket(check->observer, relation, *sink);
  }
  const Expr* filter = nullptr;
  if (!check->row.filter.empty()) filter = RequireFilter(relation, check->row.filter.c_str());
  if (sink != nullptr) WarnOfObserver(check->observer, relation, filter, *sink);
  table_close(relation, NoLock);
}

}  // namespace

void CheckObserver(HeapTuple tuple, TupleDesc desc, bool warn) {
  RowCheck* check = ReadRow(tuple, desc);
  RequireFit(tuple, check->row);
  const char* table = OidIsValid(check->row.relation) ? get_rel_name(check->row.relation) : nullptr;
  if (warn) {
    check->stream = ChooseStreamFor(check->observer, table);
    WarnIfNotTaken(check->observer, table, check->stream);
  }
  if (!OidIsValid(check->row.relation)) return;
  if (warn) WarnOfTwins(check->observer);
  CheckTable(check, warn ? &kWarnClient : nullptr);
}

void CheckStoredObserver(HeapTuple tuple, TupleDesc desc, const WarningSink& sink) {
  RowCheck* check = ReadRow(tuple, desc);
  if (OidIsValid(check->row.relation)) CheckTable(check, &sink);
}

HeapTuple ChooseStreamOfObserver(HeapTuple tuple, TupleDesc desc) {
  RowCheck* check = ReadRow(tuple, desc);
  const char* table = OidIsValid(check->row.relation) ? get_rel_name(check->row.relation) : nullptr;
  check->stream = ChooseStreamFor(check->observer, table);
  if (check->stream == check->row.stream) return tuple;
  int column = SPI_fnumber(desc, "stream");
  bool is_null = check->stream.empty();
  Datum value = is_null ? Datum{0} : CStringGetTextDatum(FromUtf8Anyhow(check->stream));
  return heap_modify_tuple_by_cols(tuple, desc, 1, &column, &value, &is_null);
}

// An invalid row of a dump (its table was not restored, or a function of its condition does not
// exist) must not fail the restore of all others.
HeapTuple CheckRestoredObserver(HeapTuple tuple, TupleDesc desc) {
  RowToCheck row{tuple, desc};
  const char* error = TryInSubtransaction(
      [](void* argument) {
        const auto* check = static_cast<RowToCheck*>(argument);
        CheckObserver(check->tuple, check->desc, false);
      },
      &row, Tolerance::kOwnFault);
  if (error == nullptr) return tuple;
  bool is_null = true;
  const Datum name = heap_getattr(tuple, 1, desc, &is_null);
  ereport(WARNING, (errmsg("observer \"%s\" is restored disabled: %s",
                           is_null ? "" : TextDatumGetCString(name), error),
                    errhint("Remove it with fraiseql_nats.unobserve(), or enable it after the "
                            "problem is corrected.")));
  int column = SPI_fnumber(desc, "enabled");
  Datum disabled = BoolGetDatum(false);
  bool is_not_null = false;
  return heap_modify_tuple_by_cols(tuple, desc, 1, &column, &disabled, &is_not_null);
}

}  // namespace fraiseql::pg

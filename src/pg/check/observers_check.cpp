// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

#include "core/route/subject_set.h"

extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

#include "pg/base/guard.h"
#include "pg/base/own_objects.h"
#include "pg/base/server_text.h"
#include "pg/check/observers_check.h"
#include "pg/observe/observer_check.h"
#include "pg/observe/observer_table.h"
#include "pg/shared/stream_subjects.h"

namespace fraiseql::pg {

namespace {

constexpr char kCorrectHint[] =
    "Correct the table, or remove the observer with fraiseql_nats.unobserve() and create another.";

struct RowToCheck {
  HeapTuple tuple;
  TupleDesc desc;
  const char* object;
  Findings* findings;
};

void TakeWarning(const Warning& warning, void* argument) {
  const auto* row = static_cast<RowToCheck*>(argument);
  const char* what = warning.message;
  if (warning.detail[0] != '\0') what = psprintf("%s: %s", what, warning.detail);
  row->findings->Add(kWarningLevel, row->object, what, warning.hint);
}

void CheckTableOf(Findings*, void* argument) {
  auto* row = static_cast<RowToCheck*>(argument);
  CheckStoredObserver(row->tuple, row->desc, WarningSink{TakeWarning, row});
}

// Copies, so that the table is not being read while the rows are checked.
List* CopyRows(::Relation table) {
  List* rows = NIL;
  SysScanDesc scan = systable_beginscan(table, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
    rows = lappend(rows, heap_copytuple(tuple));
  }
  systable_endscan(scan);
  return rows;
}

bool IsTaken(const std::vector<std::string>& subjects, const std::string& subject) {
  return std::any_of(subjects.begin(), subjects.end(),
                     [&](const std::string& taken) { return Covers(taken, subject); });
}

void CheckSubject(const char* object, const std::string& subject, const StreamAtBroker& stream,
                  Findings* findings) {
  if (!stream.exists) return;
  if (!IsTaken(stream.subjects, subject)) {
    findings->Add(
        kErrorLevel, object,
        psprintf("its stream does not take subject \"%s\": its messages become dead letters",
                 FromUtf8Anyhow(subject)),
        "Add it to the subjects of the stream, by fraiseql_nats.alter_stream() or "
        "\"fraiseql_nats.stream_subjects\", and run SELECT * FROM fraiseql_nats.stream_sync().");
  }
  const bool may = (stream.allowed.empty() || IsTaken(stream.allowed, subject)) &&
                   !IsTaken(stream.denied, subject);
  if (may) return;
  findings->Add(kErrorLevel, object,
                psprintf("the NATS user may not publish to \"%s\"", FromUtf8Anyhow(subject)),
                "Give the user of NATS the permission to publish to this subject.");
}

// `row.enabled` is true.
void CheckStreamOf(const char* object, const ObserverRow& row,
                   const std::vector<StreamAtBroker>& streams, Findings* findings) {
  auto* observer = NewInContext<Observer>(CurrentMemoryContext);
  if (!ParseObserver(row, observer).ok()) return;  // the check of the table says so
  const bool is_default = row.stream.empty() || row.stream == kDefaultStreamName;
  const char* table = OidIsValid(row.relation) ? get_rel_name(row.relation) : nullptr;
  if (OidIsValid(row.relation) && table == nullptr) return;  // the same
  for (const StreamAtBroker& stream : streams) {
    if (is_default ? !stream.name.empty() : stream.name != row.stream) continue;
    const auto* subject = NewInContext<std::string>(
        CurrentMemoryContext,
        PatternOf(*observer, table, stream.subject_prefix, stream.topic_prefix));
    CheckSubject(object, *subject, stream, findings);
    return;
  }
}

void CheckRow(HeapTuple tuple, TupleDesc desc, const std::vector<StreamAtBroker>& streams,
              Findings* findings) {
  auto* row = NewInContext<ObserverRow>(CurrentMemoryContext);
  ReadObserverRow(tuple, desc, row);
  if (!row->enabled) return;
  const char* object = psprintf("observer \"%s\"", FromUtf8Anyhow(row->name));
  RowToCheck to_check{tuple, desc, object, findings};
  findings->Run(object, CheckTableOf, &to_check, kCorrectHint);
  CheckStreamOf(object, *row, streams, findings);
}

void CheckDeclared(Findings* findings, void*) {
  ForEachRow(
      "SELECT d.name, d.place, d.table_schema, d.table_name, c.oid IS NOT NULL"
      " FROM fraiseql_nats.declared_observer d"
      " LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = d.table_schema"
      " LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = d.table_name"
      " WHERE NOT EXISTS (SELECT FROM fraiseql_nats.observer o WHERE o.name = d.name)"
      " ORDER BY d.name",
      [](char** row, Findings* all) {
        const bool exists = strcmp(row[4], "t") == 0;
        all->Add(exists ? kErrorLevel : kWarningLevel, psprintf("observer \"%s\"", row[0]),
                 psprintf("%s declares it, but %s", row[1],
                          exists ? "it could not be created"
                                 : psprintf("table %s.%s does not exist", row[2], row[3])),
                 exists ? "The server log says why; correct the file, and run SELECT "
                          "fraiseql_nats.reload()."
                        : "Correct the file, or create the table: it is observed from then on.");
      },
      findings);
}

}  // namespace

void CheckObservers(Findings* findings, const std::vector<StreamAtBroker>& streams) {
  ::Relation table = table_open(FindOwnTable(kObserverTableName), AccessShareLock);
  List* rows = CopyRows(table);
  ListCell* cell;
  foreach (cell, rows) {
    CheckRow(static_cast<HeapTuple>(lfirst(cell)), RelationGetDescr(table), streams, findings);
  }
  table_close(table, AccessShareLock);
  findings->Run("declared observers", CheckDeclared, nullptr);
}

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

#include "core/format/format.h"
#include "core/route/bucket.h"
#include "core/route/topic.h"
#include "pg/observe/observer_table.h"
#include "pg/base/own_objects.h"
#include "pg/base/own_table.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

void ReadObserverRow(HeapTuple tuple, TupleDesc desc, ObserverRow* row) {
  const auto datum = [=](const char* column, Oid type, bool* is_null) {
    for (int i = 0; i < desc->natts; ++i) {
      const FormData_pg_attribute* attribute = TupleDescAttr(desc, i);
      if (strcmp(NameStr(attribute->attname), column) != 0 || attribute->attisdropped) continue;
      if (attribute->atttypid != type) break;
      return heap_getattr(tuple, i + 1, desc, is_null);
    }
    // A table without these columns was not created by this extension.
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("table fraiseql_nats.observer has no column \"%s\" of type %s", column,
                           format_type_be(type)),
                    errhint("Recreate the extension: DROP EXTENSION fraiseql_nats; CREATE "
                            "EXTENSION fraiseql_nats.")));
    return Datum{0};
  };
  const auto read_text = [&](const char* column, std::string* target) {
    bool is_null = true;
    const Datum value = datum(column, TEXTOID, &is_null);
    target->clear();
    if (!is_null) *target = ToUtf8View(value);
  };
  const auto read_array = [&](const char* column, std::vector<std::string>* target) {
    bool is_null = true;
    const Datum value = datum(column, TEXTARRAYOID, &is_null);
    target->clear();
    if (is_null) return false;
    Datum* items = nullptr;
    bool* nulls = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
                      &count);
    for (int i = 0; i < count; ++i) {
      target->emplace_back(nulls[i] ? std::string_view() : ToUtf8View(items[i]));  // null: no name
    }
    return true;
  };
  bool is_null = true;
  read_text("name", &row->name);
  const Datum relation = datum("relation", REGCLASSOID, &is_null);
  row->relation = is_null ? InvalidOid : DatumGetObjectId(relation);
  read_text("channel", &row->channel);
  read_array("events", &row->events);
  read_text("subject", &row->subject);
  read_text("format", &row->format);
  read_text("source", &row->source);
  read_text("condition", &row->condition);
  read_text("filter", &row->filter);
  read_text("entity", &row->entity);
  read_text("change_origin", &row->change_origin);
  read_text("stream", &row->stream);
  row->has_columns = read_array("columns", &row->columns);
  const Datum is_enabled = datum("enabled", BOOLOID, &is_null);
  row->enabled = !is_null && DatumGetBool(is_enabled);
}

namespace {

Status ParseEvents(const ObserverRow& row, Observer* observer) {
  observer->operations = 0;
  for (const std::string& event : row.events) {
    Operation operation = Operation::kInsert;
    if (!ParseOperation(event, &operation)) {
      return Status::Invalid("unknown event \"" + event + "\"",
                             "Events are INSERT, UPDATE, DELETE and TRUNCATE.");
    }
    observer->operations |= SetOf(operation);
  }
  if (observer->operations != 0) return Status::Ok();
  return Status::Invalid("observer \"" + row.name + "\" observes no event",
                         "Name at least one of INSERT, UPDATE, DELETE and TRUNCATE.");
}

// A subject without a dot is a topic, and so is a channel that has no subject.
Status ParseDestination(const ObserverRow& row, Observer* observer) {
  const std::string& where = row.subject.empty() ? row.channel : row.subject;
  if (IsTopic(where)) {
    observer->topic = where;
    return row.subject.empty() ? Status::Ok() : CheckSubject(row.subject);
  }
  return where.empty() ? Status::Ok() : SubjectTemplate::Parse(where, &observer->subject);
}

// A bucket holds the rows of a table, and the key of a row is its subject.
Status CheckBucket(const ObserverRow& row, const Observer& observer) {
  const bool of_buckets = observer.format != nullptr && observer.format->of_buckets();
  if (BucketOfStream(row.stream).empty()) {
    if (!of_buckets) return Status::Ok();
    return Status::Invalid("format \"" + row.format + "\" needs the stream of a bucket",
                           "Create one, such as fraiseql_nats.create_stream(kv => 'orders'), and "
                           "name it: stream => 'KV_orders'.");
  }
  if (!OidIsValid(row.relation) || (observer.format != nullptr && !of_buckets)) {
    return Status::Invalid("stream \"" + row.stream + "\" is a bucket, which takes only rows",
                           "Observe a table, in the format \"kv\", or choose another stream.");
  }
  if (row.subject.empty() && row.entity.empty()) return Status::Ok();
  return Status::Invalid("an observer of a bucket has no subject and no entity",
                         "The subject of a row is $KV, the bucket, and the key of the row.");
}

Status ParseTableOptions(const ObserverRow& row, Observer* observer) {
  const bool is_topic = !observer->topic.empty();
  observer->source = is_topic ? Source::kAuto : Source::kRow;
  if (!row.format.empty()) {
    observer->format = FindFormat(row.format);
    if (observer->format == nullptr) {
      return Status::Invalid("unknown format \"" + row.format + "\"",
                             "Formats are " + FormatNames() + ".");
    }
  }
  if (!row.source.empty() && !ParseSource(row.source, &observer->source)) {
    return Status::Invalid("unknown source \"" + row.source + "\"",
                           "Sources are \"auto\", \"row\" and \"notify\".");
  }
  if (Status bucket = CheckBucket(row, *observer); !bucket.ok()) return bucket;
  observer->local_only = row.change_origin == "local";
  if (!row.change_origin.empty() && row.change_origin != "any" && !observer->local_only) {
    return Status::Invalid("unknown origin \"" + row.change_origin + "\"",
                           "Origins are \"any\" and \"local\".");
  }
  if (!is_topic && observer->source != Source::kRow) {
    return Status::Invalid("source \"" + row.source + "\" needs a topic",
                           "Give a subject without a dot, such as order_created.");
  }
  if (!row.condition.empty()) {
    const Status status = Condition::Parse(row.condition, &observer->condition);
    if (!status.ok()) return status;
  }
  return ParseEvents(row, observer);
}

Status CheckLengths(const ObserverRow& row) {
  const struct {
    const char* what;
    const std::string& text;
    size_t limit;
  } kLimits[] = {{"the name of an observer", row.name, 255},
                 {"channel", row.channel, NAMEDATALEN - 1},
                 {"subject", row.subject, 1024},
                 {"entity", row.entity, 255},
                 {"condition", row.condition, 4096},
                 {"filter", row.filter, 4096}};
  for (const auto& limit : kLimits) {
    if (limit.text.size() <= limit.limit) continue;
    return Status::Invalid(std::string(limit.what) + " is longer than " +
                           std::to_string(limit.limit) + " bytes: \"" + limit.text.substr(0, 32) +
                           "...\"");
  }
  return Status::Ok();
}

}  // namespace

Status ParseObserver(const ObserverRow& row, Observer* observer) {
  if (row.name.empty()) return Status::Invalid("observer has no name");
  if (const Status lengths = CheckLengths(row); !lengths.ok()) return lengths;
  if (row.has_columns && row.columns.empty()) {
    return Status::Invalid("observer \"" + row.name + "\" publishes no column",
                           "Name columns that are to be published; null stands for all of them.");
  }
  if (OidIsValid(row.relation) == !row.channel.empty()) {
    return Status::Invalid("observer \"" + row.name + "\" needs either a table or a channel");
  }
  observer->name = row.name;
  observer->relation = row.relation;
  observer->channel = row.channel;
  observer->stream = row.stream;
  observer->entity = row.entity;
  observer->columns = row.columns;
  observer->filter = row.filter;
  const Status status = ParseDestination(row, observer);
  if (!status.ok()) return status;
  if (OidIsValid(row.relation)) return ParseTableOptions(row, observer);
  if (Status bucket = CheckBucket(row, *observer); !bucket.ok()) return bucket;
  observer->source = Source::kNotify;
  const bool of_tables = !row.format.empty() || !row.entity.empty() || !row.source.empty() ||
                         !row.columns.empty() || !row.condition.empty() || !row.filter.empty() ||
                         !row.change_origin.empty();
  if (of_tables || observer->subject.needs_row()) {
    return Status::Invalid(
        "format, entity, source, columns, condition, filter and origin are for observers of "
        "tables");
  }
  return Status::Ok();
}

// What to observe instead of a relation that is not a table, or null.
static const char* HintForKind(char kind) {
  switch (kind) {
    case RELKIND_VIEW:
    case RELKIND_MATVIEW:
      return "Observe the tables that a view is made of.";
    case RELKIND_FOREIGN_TABLE:
      return "Changes of a foreign table are in the log of the server that has its rows.";
    default:
      return nullptr;
  }
}

void RequireObservableTable(Oid table) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
  if (!HeapTupleIsValid(tuple)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("relation with OID %u does not exist", table)));
  }
  const FormData_pg_class form = *reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
  ReleaseSysCache(tuple);
  const char* name = get_rel_name(table);
  if (form.relkind != RELKIND_RELATION && form.relkind != RELKIND_PARTITIONED_TABLE) {
    const char* hint = HintForKind(form.relkind);
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", name),
                    hint == nullptr ? 0 : errhint("%s", hint)));
  }
  if (form.relpersistence != RELPERSISTENCE_PERMANENT) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("changes of temporary and unlogged tables cannot be observed"),
                    errdetail("They are not in the log.")));
  }
  if (IsCatalogRelationOid(table) || form.relnamespace == OwnSchema()) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("changes of \"%s\" cannot be observed", name),
                    errdetail("It is a system table or belongs to this extension.")));
  }
  const AclResult result = pg_class_aclcheck(table, GetUserId(), ACL_SELECT);
  if (result != ACLCHECK_OK) aclcheck_error(result, OBJECT_TABLE, name);
  // A role that may not see all rows must not get all of them as messages.
  if (check_enable_rls(table, InvalidOid, true) == RLS_ENABLED) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("row-level security of table \"%s\" applies to role \"%s\"", name,
                           GetUserNameFromId(GetUserId(), false)),
                    errdetail("Changes of all rows would be published."),
                    errhint("Have it observed by the owner of the table, or by a role with "
                            "BYPASSRLS.")));
  }
}

namespace {

// One row of the table, and where its observer goes.
struct RowToLoad {
  HeapTuple tuple;
  TupleDesc desc;
  LoadedObservers* loaded;
};

void LoadRow(void* argument) {
  const auto& [tuple, desc, loaded] = *static_cast<RowToLoad*>(argument);
  ReadObserverRow(tuple, desc, &loaded->row);
  if (loaded->stream && *loaded->stream != loaded->row.stream) return;
  loaded->names.push_back(loaded->row.name);
  if (!loaded->row.enabled) return;
  loaded->observers.emplace_back();
  // The table's trigger has checked the row; a row that is invalid nevertheless observes nothing.
  if (!ParseObserver(loaded->row, &loaded->observers.back()).ok()) loaded->observers.pop_back();
}

}  // namespace

void LoadObservers(Snapshot snapshot, LoadedObservers* loaded, Isolation* isolation) {
  loaded->observers.clear();
  loaded->names.clear();
  loaded->unreadable.clear();
  loaded->message_prefix.clear();
  loaded->table = FindOwnTable(kObserverTableName);
  const Oid secret = FindOwnTable(kSecretTableName);
  if (!OidIsValid(loaded->table) || !OidIsValid(secret)) return;
  ScanOwnTable(secret, snapshot, [=](HeapTuple tuple, TupleDesc desc) {
    bool is_null = true;
    const Datum value = heap_getattr(tuple, 1, desc, &is_null);
    if (!is_null && TupleDescAttr(desc, 0)->atttypid == TEXTOID) {
      loaded->message_prefix = ToUtf8View(value);
    }
  });
  ScanOwnTable(loaded->table, snapshot, [=](HeapTuple tuple, TupleDesc desc) {
    RowToLoad row{tuple, desc, loaded};
    if (isolation == nullptr) return LoadRow(&row);
    const size_t before = loaded->observers.size();
    const char* error = isolation->Try(LoadRow, &row);
    if (error == nullptr) return;
    loaded->observers.resize(before);
    loaded->unreadable.emplace_back(error);
  });
}

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
}

#include "core/route/bucket.h"
#include "pg/base/own_objects.h"
#include "pg/base/own_table.h"
#include "pg/base/server_text.h"
#include "pg/base/unix_time.h"
#include "pg/base/worker_key.h"
#include "pg/settings/stream_rows.h"

namespace fraiseql::pg {

namespace {

constexpr char kPrefix[] = "fraiseql_nats.";

// The columns that are settings, and the names of these.
struct Column {
  const char* column;
  const char* setting;
};
constexpr Column kColumns[] = {{"stream_name", "stream_name"},
                               {"subjects", "stream_subjects"},
                               {"storage", "storage"},
                               {"replicas", "replicas"},
                               {"max_age", "max_age"},
                               {"max_bytes", "max_bytes"},
                               {"max_msgs", "max_msgs"},
                               {"dedup_window", "dedup_window"},
                               {"max_msgs_per_subject", "max_msgs_per_subject"},
                               {"retention", "retention"},
                               {"compression", "compression"},
                               {"message_id_header", "message_id_header"},
                               {"discard", "discard"},
                               {"exclusive", "stream_exclusive"},
                               {"manage", "stream_manage"},
                               {"subject_prefix", "subject_prefix"},
                               {"topic_prefix", "topic_prefix"}};

void AppendList(Datum value, std::string* text) {
  Datum* items = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
                    &count);
  for (int i = 0; i < count; ++i) {
    if (i > 0) text->push_back(',');
    if (!nulls[i]) text->append(ToUtf8View(items[i]));
  }
}

// May raise, which `*text` must outlive.
void AppendValue(Oid type, Datum value, std::string* text) {
  switch (type) {
    case TEXTOID:
      text->append(ToUtf8View(value));
      break;
    case TEXTARRAYOID:
      AppendList(value, text);
      break;
    case INT4OID:
      text->append(std::to_string(DatumGetInt32(value)));
      break;
    case INT8OID:
      text->append(std::to_string(DatumGetInt64(value)));
      break;
    case INTERVALOID:
      text->append(std::to_string(IntervalMs(DatumGetIntervalP(value)) / 1000));
      break;
    default:
      elog(ERROR, "table fraiseql_nats.stream has a column of unexpected type %u", type);
  }
}

const char* SettingOf(const char* column) {
  for (const Column& known : kColumns) {
    if (strcmp(known.column, column) == 0) return known.setting;
  }
  return nullptr;
}

uint64_t Fingerprint(const StreamRow& row) {
  std::string text = row.name + (row.paused ? "\npaused" : "");
  for (const auto& [name, value] : row.settings) text.append("\n").append(name + "=" + value);
  const uint64_t hash = hash_bytes_extended(reinterpret_cast<const unsigned char*>(text.data()),
                                            static_cast<int>(text.size()), 0);
  return hash != 0 ? hash : 1;
}

}  // namespace

void ReadStreamRow(HeapTuple tuple, TupleDesc desc, StreamRow* row) {
  *row = {};
  for (int i = 0; i < desc->natts; ++i) {
    const FormData_pg_attribute* attribute = TupleDescAttr(desc, i);
    bool is_null = true;
    const Datum value = heap_getattr(tuple, i + 1, desc, &is_null);
    if (is_null || attribute->attisdropped) continue;
    const char* column = NameStr(attribute->attname);
    if (strcmp(column, "number") == 0 && attribute->atttypid == INT4OID) {
      row->number = DatumGetInt32(value);
    } else if (strcmp(column, "name") == 0 && attribute->atttypid == TEXTOID) {
      row->name = ToUtf8View(value);
    } else if (strcmp(column, "paused") == 0 && attribute->atttypid == BOOLOID) {
      row->paused = DatumGetBool(value);
    } else if (const char* setting = SettingOf(column); setting != nullptr) {
      row->settings.emplace_back(setting, std::string());
      AppendValue(attribute->atttypid, value, &row->settings.back().second);
    }
  }
  if (row->number != kDefaultStream) {
    row->settings.emplace_back("stream_name", row->name);
    row->settings.emplace_back("consumer_name", "");  // only the default stream has that consumer
  }
  row->fingerprint = Fingerprint(*row);
}

void LoadStreamRows(std::vector<StreamRow>* rows) {
  rows->clear();
  const Oid table = FindOwnTable(kStreamTableName);
  if (!OidIsValid(table)) return;
  ScanOwnTable(table, nullptr, [=](HeapTuple tuple, TupleDesc desc) {
    rows->emplace_back();
    ReadStreamRow(tuple, desc, &rows->back());
  });
}

// Not the lock of the table: a statement that changes it already holds a weaker mode of that.
bool LockStreams(bool wait) {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, FindOwnTable(kStreamTableName), InvalidOid, 0);
  return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

// Whether the stream is a bucket in name and subjects, or in neither.
static bool IsWholeBucketOrNone(const StreamRow& row) {
  std::string subjects;
  for (const auto& [name, value] : row.settings) {
    if (name == "stream_subjects") subjects = value;
  }
  if (row.name.compare(0, 3, "KV_") != 0 && !IsBucket({subjects})) return true;
  const std::string_view bucket = BucketOfStream(row.name);
  std::string expected;
  AppendBucketSubject(bucket, ">", &expected);
  return !bucket.empty() && subjects == expected;
}

// Clients find a bucket by the name of its stream.
static void RequireBucketSubjects(const StreamRow& row) {
  if (IsWholeBucketOrNone(row)) return;  // an error would skip the destructors of its texts
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
           errmsg("stream \"%s\" is no bucket of the key-value store", row.name.c_str()),
           errdetail("The stream of the bucket orders is KV_orders, and takes $KV.orders.>."),
           errhint("Create a bucket with fraiseql_nats.create_stream(kv => 'orders'); the names of "
                   "other streams do not begin with KV_.")));
}

void CheckStreamRow(const StreamRow& row) {
  RequireBucketSubjects(row);
  for (const auto& [name, value] : row.settings) {
    const char* setting = psprintf("%s%s", kPrefix, name.c_str());
    (void)set_config_option(setting, value.c_str(), PGC_SIGHUP, PGC_S_TEST, GUC_ACTION_SAVE, false,
                            ERROR, false);
  }
}

void ApplyOwnSettingsForNow(const OwnSettings& own) {
  for (const auto& [name, value] : own) {
    const char* setting = psprintf("%s%s", kPrefix, name.c_str());
    (void)set_config_option(setting, value.c_str(), PGC_SIGHUP, PGC_S_SESSION, GUC_ACTION_SAVE,
                            true, ERROR, false);
  }
}

Status ApplyOwnSettings(const OwnSettings& own) {
  Status status;
  for (const auto& [name, value] : own) {
    if (set_config_option((kPrefix + name).c_str(), value.c_str(), PGC_SIGHUP, PGC_S_OVERRIDE,
                          GUC_ACTION_SET, true, LOG, false) != 0) {
      continue;
    }
    status = Status::Invalid("the stream has an invalid value for \"" + name + "\"",
                             "Correct it with fraiseql_nats.alter_stream().");
  }
  return status;
}

}  // namespace fraiseql::pg

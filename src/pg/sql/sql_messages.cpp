// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats.messages() and message_volume(): show what would be published, without a broker.
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "replication/logical.h"
#include "replication/slot.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/resowner.h"
}

#include "core/base/header_json.h"
#include "pg/base/sql_function.h"
#include "pg/base/compat.h"
#include "pg/base/decodable_lsn.h"
#include "pg/decode/decoder.h"
#include "pg/settings/stream_rows.h"
#include "pg/shared/stream_subjects.h"
#include "pg/base/plugin_name.h"
#include "pg/base/guard.h"
#include "pg/base/pinned_settings.h"
#include "pg/base/server_text.h"
#include "pg/slot/slot.h"
#include "pg/slot/slot_record.h"
#include "pg/decode/wal_reader.h"

namespace fraiseql::pg {

namespace {

// Receives the messages that would be published, one at a time.
class PreviewReceiver : public MessageReceiver {
 public:
  int64_t count() const { return count_; }

  void BeginTransaction(uint32_t) override {}
  Message* Add() override {
    message_.Clear();
    return &message_;
  }
  void Seal() override {
    Take(message_);
    ++count_;
  }
  void EndTransaction(XLogRecPtr) override {}
  void Reject(const Status& reason) override {
    ereport(WARNING, (errmsg("message cannot be published: %s", reason.message().c_str())));
  }
  void Report(const Status& trouble) override {
    ereport(WARNING, (errmsg("%s", trouble.message().c_str()),
                      trouble.hint().empty() ? 0 : errhint("%s", trouble.hint().c_str())));
  }
  void Yield() override { CHECK_FOR_INTERRUPTS(); }

 private:
  virtual void Take(const Message& message) = 0;

  Message message_;
  int64_t count_ = 0;
};

// Only counts messages and bytes.
class VolumeReceiver final : public PreviewReceiver {
 public:
  int64_t bytes() const { return bytes_; }

 private:
  void Take(const Message& message) override { bytes_ += static_cast<int64_t>(message.size()); }

  int64_t bytes_ = 0;
};

// Adds a row to the result for each message.
class RowReceiver final : public PreviewReceiver {
 public:
  explicit RowReceiver(FunctionCallInfo fcinfo)
      : fcinfo_(fcinfo),
        scratch_(AllocSetContextCreate(CurrentMemoryContext, "fraiseql_nats message",
                                       ALLOCSET_DEFAULT_SIZES)) {}

 private:
  void Take(const Message& message) override {
    const MemoryContext old = MemoryContextSwitchTo(scratch_);
    position_.clear();
    AppendPosition(message.position, &position_);
    ResultRow row(fcinfo_);
    row.Add(TextDatum(position_));
    row.Add(TextDatum(message.subject));
    row.Add(TextDatum(MessageIdOf(message.headers)));
    row.Add(HeadersAsJsonb(message.headers));
    row.Add(TextDatum(message.payload));
    row.Append();
    MemoryContextSwitchTo(old);
    MemoryContextReset(scratch_);
  }

  // Bytes that are not text in the server's encoding (a bytea payload) are shown in hexadecimal.
  static char* Shown(std::string_view utf8) {
    if (pg_verify_mbstr(PG_UTF8, utf8.data(), static_cast<int>(utf8.size()), true)) {
      return FromUtf8(utf8);
    }
    char* hex = static_cast<char*>(palloc(utf8.size() * 2 + 3));
    strcpy(hex, "\\x");
    hex[2 + hex_encode(utf8.data(), utf8.size(), hex + 2)] = '\0';
    return hex;
  }
  static Datum TextDatum(std::string_view utf8) { return CStringGetTextDatum(Shown(utf8)); }

  Datum HeadersAsJsonb(std::string_view headers) {
    json_.clear();
    AppendHeadersAsJson(headers, &json_);
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(Shown(json_)));
  }

  const FunctionCallInfo fcinfo_;
  const MemoryContext scratch_;
  std::string position_;
  std::string json_;
};

struct Limits {
  XLogRecPtr upto_lsn;  // Invalid: the end of the flushed log
  int64_t upto_count;   // stops after the transaction that reaches it; 0: no limit
  bool advance;
};

void ReadSlot(Decoder* decoder, const PreviewReceiver& receiver, const Limits& limits) {
  const ResourceOwner owner = CurrentResourceOwner;
  const MemoryContext context = CurrentMemoryContext;
  const XLogRecPtr end =
      XLogRecPtrIsInvalid(limits.upto_lsn) ? DecodableLsn() : Min(limits.upto_lsn, DecodableLsn());
  WalReader reader;
  const int nest_level = NewGUCNestLevel();
  AllowOwnPlugin(true);  // it may be loaded again while the log is read
  reader.Open(decoder);
  while (reader.position() < end &&
         (limits.upto_count == 0 || receiver.count() < limits.upto_count) && reader.DecodeNext()) {
    // Decoding a transaction starts and aborts a transaction of its own.
    CurrentResourceOwner = owner;
    MemoryContextSwitchTo(context);
    CHECK_FOR_INTERRUPTS();
  }
  if (limits.advance && reader.position() > MyReplicationSlot->data.confirmed_flush) {
    LogicalConfirmReceivedLocation(reader.position());
    ReplicationSlotMarkDirty();
  }
  reader.Close();
  AtEOXact_GUC(false, nest_level);
}

// Checks the acquired slot: another plugin would take our Decoder for its own data.
void RequireOwnPlugin() {
  const ReplicationSlotPersistentData& slot = MyReplicationSlot->data;
  if (SlotIsLogical(MyReplicationSlot) && strcmp(NameStr(slot.plugin), kPluginName) == 0) return;
  char* name = pstrdup(NameStr(slot.name));
  ReplicationSlotRelease();
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("replication slot \"%s\" is not one of fraiseql_nats", name),
                  errhint("Create one with fraiseql_nats.create_preview_slot().")));
}

// A decoder of the messages for the stream; null: the default stream.  It has taken over the
// stream's own settings when this returns; the session has its own again.
Decoder* MakeDecoder(const char* stream, Isolation::Mode isolation, PreviewReceiver* receiver) {
  const StreamRow* found = FindStream(stream);
  auto* row = NewInContext<StreamRow>(CurrentMemoryContext);
  if (found != nullptr) *row = *found;
  auto* origin = NewInContext<Origin>(CurrentMemoryContext);
  origin->system_id = GetSystemIdentifier();
  origin->database_id = MyDatabaseId;
  origin->database = get_database_name(MyDatabaseId);
  if (row->number != kDefaultStream) origin->stream = row->name;
  char branch[kBranchSize + 1];
  ReadBranch(OwnSlotName({MyDatabaseId, row->number}), branch);
  origin->branch = branch;
  const int nest_level = NewGUCNestLevel();
  ApplyOwnSettingsForNow(row->settings);
  auto* decoder = NewInContext<Decoder>(CurrentMemoryContext, *origin, receiver,
                                        CurrentMemoryContext, Isolation(isolation));
  AtEOXact_GUC(false, nest_level);
  return decoder;
}

// REQUIRES: the first argument is the name of the slot.
void Preview(FunctionCallInfo fcinfo, const char* stream, const Limits& limits,
             Isolation::Mode isolation, PreviewReceiver* receiver) {
  Decoder* decoder = MakeDecoder(stream, isolation, receiver);
  const int nest_level = NewGUCNestLevel();
  PinSettings(true);
  AcquireSlot(NameStr(*PG_GETARG_NAME(0)));
  RequireOwnPlugin();
  PG_TRY();
  { ReadSlot(decoder, *receiver, limits); }
  PG_CATCH();
  {
    InvalidateSystemCaches();  // they may still show the past
    PG_RE_THROW();
  }
  PG_END_TRY();
  ReplicationSlotRelease();
  AtEOXact_GUC(false, nest_level);
}

void CheckRightsAndSlotName(FunctionCallInfo fcinfo) {
  CheckSlotPermissions();
  RequireLogicalDecoding();
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("slot name must not be null")));
  }
}

void Messages(FunctionCallInfo fcinfo) {
  CheckRightsAndSlotName(fcinfo);
  Limits limits;
  limits.upto_lsn = PG_ARGISNULL(1) ? InvalidXLogRecPtr : PG_GETARG_LSN(1);
  limits.upto_count = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
  limits.advance = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
  BeginRows(fcinfo);
  Preview(fcinfo, OptionalText(fcinfo, 4), limits, Isolation::Mode::kAlways,
          NewInContext<RowReceiver>(CurrentMemoryContext, fcinfo));
}

Datum MessageVolume(FunctionCallInfo fcinfo) {
  CheckRightsAndSlotName(fcinfo);
  const Limits limits = {PG_ARGISNULL(1) ? InvalidXLogRecPtr : PG_GETARG_LSN(1), 0, false};
  auto* volume = NewInContext<VolumeReceiver>(CurrentMemoryContext);
  Preview(fcinfo, OptionalText(fcinfo, 2), limits, Isolation::Mode::kNever, volume);
  ResultRow row(fcinfo);
  row.AddNumber(static_cast<uint64>(volume->count()));
  row.AddNumber(static_cast<uint64>(volume->bytes()));
  return row.AsResult();
}

void CreatePreviewSlot(FunctionCallInfo fcinfo) {
  CheckSlotPermissions();
  const int nest_level = NewGUCNestLevel();
  AllowOwnPlugin(true);
  MakeSlot(NameStr(*PG_GETARG_NAME(0)), PG_GETARG_BOOL(1));
  ReplicationSlotRelease();
  AtEOXact_GUC(false, nest_level);
}

// Whether create_preview_slot() can have created the slot.  False for the workers' slots, and for
// slots of other databases, whose log this session may not read.
bool IsPreviewSlot(const char* name) {
  ReplicationSlot* slot = SearchNamedReplicationSlot(name, true);
  if (slot == nullptr || !SlotIsLogical(slot)) return false;
  SpinLockAcquire(&slot->mutex);
  const ReplicationSlotPersistentData data = slot->data;
  SpinLockRelease(&slot->mutex);
  return strcmp(NameStr(data.plugin), kPluginName) == 0 && data.database == MyDatabaseId &&
         !IsWorkerSlot(name, MyDatabaseId);
}

void DropPreviewSlot(FunctionCallInfo fcinfo) {
  CheckSlotPermissions();
  const char* name = NameStr(*PG_GETARG_NAME(0));
  if (!SlotExists(name)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("replication slot \"%s\" does not exist", name)));
  }
  if (!IsPreviewSlot(name)) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("replication slot \"%s\" is not a preview slot of this database", name),
                    errdetail("It was not created by fraiseql_nats.create_preview_slot().")));
  }
  ReplicationSlotDrop(name, true);
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_messages, Messages(fcinfo));
SQL_FUNCTION(fraiseql_nats_message_volume, MessageVolume(fcinfo));
SQL_FUNCTION(fraiseql_nats_create_preview_slot, CreatePreviewSlot(fcinfo));
SQL_FUNCTION(fraiseql_nats_drop_preview_slot, DropPreviewSlot(fcinfo));

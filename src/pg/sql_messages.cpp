// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats.messages(): what would be published, without a broker.
#include "core/json_text.h"

extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "replication/logical.h"
#include "replication/slot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"
}

#include "pg/compat.h"
#include "pg/decoder.h"
#include "pg/guard.h"
#include "pg/slot.h"
#include "pg/slot_record.h"
#include "pg/wal_reader.h"

namespace fraiseql::pg {

namespace {

// Makes a row of the result of each message.
class RowReceiver final : public MessageReceiver {
 public:
  RowReceiver(Tuplestorestate* store, TupleDesc desc, MemoryContext context)
      : store_(store),
        desc_(desc),
        scratch_(AllocSetContextCreate(context, "fraiseql_nats message", ALLOCSET_DEFAULT_SIZES)) {}

  int64_t count() const { return count_; }

  Message* Add() override {
    message_.Clear();
    return &message_;
  }

  void Seal() override {
    const MemoryContext old = MemoryContextSwitchTo(scratch_);
    Datum values[5];
    bool nulls[5] = {};
    position_.clear();
    AppendPosition(message_.position, &position_);
    values[0] = TextDatum(position_);
    values[1] = TextDatum(message_.subject);
    values[2] = TextDatum(FindHeader(message_.headers, "Nats-Msg-Id"));
    HeadersAsJson();
    values[3] = DirectFunctionCall1(jsonb_in, CStringGetDatum(ServerText(json_)));
    values[4] = TextDatum(message_.payload);
    tuplestore_putvalues(store_, desc_, values, nulls);
    MemoryContextSwitchTo(old);
    MemoryContextReset(scratch_);
    ++count_;
  }

  void EndTransaction(XLogRecPtr) override {}

  void Refuse(const Status& reason) override {
    ereport(WARNING, (errmsg("message cannot be published: %s", reason.message().c_str())));
  }

  void Breathe() override { CHECK_FOR_INTERRUPTS(); }

 private:
  // Bytes that are no text in the server's encoding (a bytea payload) are shown in hexadecimal.
  static char* ServerText(std::string_view utf8) {
    const int length = static_cast<int>(utf8.size());
    if (!pg_verify_mbstr(PG_UTF8, utf8.data(), length, true)) {
      char* hex = static_cast<char*>(palloc(utf8.size() * 2 + 3));
      strcpy(hex, "\\x");
      hex[2 + hex_encode(utf8.data(), utf8.size(), hex + 2)] = '\0';
      return hex;
    }
    char* text = pnstrdup(utf8.data(), utf8.size());
    return pg_any_to_server(text, length, PG_UTF8);
  }
  static Datum TextDatum(std::string_view utf8) { return CStringGetTextDatum(ServerText(utf8)); }

  void HeadersAsJson() {
    json_.assign("{");
    std::string_view rest = message_.headers;
    for (size_t end; (end = rest.find("\r\n")) != std::string_view::npos;
         rest.remove_prefix(end + 2)) {
      const std::string_view line = rest.substr(0, end);
      const size_t colon = line.find(": ");
      if (json_.size() > 1) json_.push_back(',');
      AppendJsonString(line.substr(0, colon), &json_);
      json_.push_back(':');
      AppendJsonString(line.substr(colon + 2), &json_);
    }
    json_.push_back('}');
  }

  Tuplestorestate* const store_;
  const TupleDesc desc_;
  const MemoryContext scratch_;
  Message message_;
  std::string position_;
  std::string json_;
  int64_t count_ = 0;
};

struct Limits {
  XLogRecPtr upto_lsn;  // Invalid: what is flushed now
  int64_t upto_count;   // after a transaction that reaches it; 0: no limit
  bool advance;
};

void ReadSlot(Decoder* decoder, const RowReceiver& rows, const Limits& limits) {
  const ResourceOwner owner = CurrentResourceOwner;
  const MemoryContext context = CurrentMemoryContext;
  const XLogRecPtr end =
      XLogRecPtrIsInvalid(limits.upto_lsn) ? DecodableLsn() : Min(limits.upto_lsn, DecodableLsn());
  WalReader reader;
  reader.Open(decoder);
  while (reader.position() < end && (limits.upto_count == 0 || rows.count() < limits.upto_count) &&
         reader.DecodeNext()) {
    // Decoding a transaction begins and aborts one of its own.
    CurrentResourceOwner = owner;
    MemoryContextSwitchTo(context);
    CHECK_FOR_INTERRUPTS();
  }
  if (limits.advance && reader.position() > MyReplicationSlot->data.confirmed_flush) {
    LogicalConfirmReceivedLocation(reader.position());
    ReplicationSlotMarkDirty();
  }
  reader.Close();
}

void Messages(FunctionCallInfo fcinfo) {
  CheckSlotPermissions();
  CheckLogicalDecodingRequirements();
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("slot name must not be null")));
  }
  const char* slot = NameStr(*PG_GETARG_NAME(0));
  Limits limits;
  limits.upto_lsn = PG_ARGISNULL(1) ? InvalidXLogRecPtr : PG_GETARG_LSN(1);
  limits.upto_count = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
  limits.advance = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
  InitMaterializedSRF(fcinfo, 0);
  auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);

  auto* rows = NewInContext<RowReceiver>(CurrentMemoryContext, info->setResult, info->setDesc,
                                         CurrentMemoryContext);
  auto* origin = NewInContext<Origin>(CurrentMemoryContext);
  origin->system_id = GetSystemIdentifier();
  origin->database_id = MyDatabaseId;
  origin->database = get_database_name(MyDatabaseId);
  char branch[kBranchSize + 1];
  ReadBranch(OwnSlotName(MyDatabaseId), branch);
  origin->branch = branch;
  auto* decoder = NewInContext<Decoder>(CurrentMemoryContext, *origin, rows, CurrentMemoryContext);

  const int nest_level = NewGUCNestLevel();
  PinSettings(true);
  AllowOwnPlugin(true);
  AcquireSlot(slot);
  PG_TRY();
  { ReadSlot(decoder, *rows, limits); }
  PG_CATCH();
  {
    InvalidateSystemCaches();  // they may still be of the past
    PG_RE_THROW();
  }
  PG_END_TRY();
  ReplicationSlotRelease();
  AtEOXact_GUC(false, nest_level);
}

void CreatePreviewSlot(FunctionCallInfo fcinfo) {
  CheckSlotPermissions();
  const int nest_level = NewGUCNestLevel();
  AllowOwnPlugin(true);
  MakeSlot(NameStr(*PG_GETARG_NAME(0)), PG_GETARG_BOOL(1));
  ReplicationSlotRelease();
  AtEOXact_GUC(false, nest_level);
}

}  // namespace

}  // namespace fraiseql::pg

extern "C" {

PG_FUNCTION_INFO_V1(fraiseql_nats_messages);
PG_FUNCTION_INFO_V1(fraiseql_nats_create_preview_slot);

Datum fraiseql_nats_messages(PG_FUNCTION_ARGS) {
  fraiseql::pg::Guard([=] { fraiseql::pg::Messages(fcinfo); });
  return Datum{0};
}

Datum fraiseql_nats_create_preview_slot(PG_FUNCTION_ARGS) {
  fraiseql::pg::Guard([=] { fraiseql::pg::CreatePreviewSlot(fcinfo); });
  PG_RETURN_VOID();
}
}

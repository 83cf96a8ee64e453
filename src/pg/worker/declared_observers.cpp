// SPDX-License-Identifier: PostgreSQL
#include "config/qualified_name.h"
#include "core/base/json_text.h"

extern "C" {
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
}

#include "pg/base/compat.h"
#include "pg/worker/declared_observers.h"
#include "pg/base/guard.h"
#include "pg/base/own_transaction.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

namespace {

constexpr int64_t kLookMs = 1000;
constexpr int64_t kRetryMs = 5000;

void AppendKey(const char* key, std::string* json) {
  json->append(json->back() == '{' ? "\"" : ",\"").append(key).append("\":");
}

// A field that the rule does not set is left out, which sync_observers() reads as null.
void AppendText(const char* key, const std::string& text, std::string* json) {
  if (text.empty()) return;
  AppendKey(key, json);
  AppendJsonString(text, json);
}

void AppendList(const char* key, const std::vector<std::string>& texts, std::string* json) {
  if (texts.empty()) return;
  AppendKey(key, json);
  json->push_back('[');
  for (const std::string& text : texts) {
    if (json->back() != '[') json->push_back(',');
    AppendJsonString(text, json);
  }
  json->push_back(']');
}

// A row of declared_observer, with its column names as keys.
void AppendRule(const ObserverRule& rule, std::string* json) {
  const QualifiedName table = TableOf(rule);
  json->push_back('{');
  AppendText("name", rule.name, json);
  AppendText("table_schema", table.schema, json);
  AppendText("table_name", table.table, json);
  AppendList("events", rule.events, json);
  AppendText("subject", rule.subject, json);
  AppendList("columns", rule.columns, json);
  AppendText("format", rule.format, json);
  AppendText("source", rule.source, json);
  AppendText("condition", rule.condition, json);
  AppendText("filter", rule.when, json);
  AppendText("entity", rule.entity, json);
  AppendText("stream", rule.stream, json);
  AppendText("place", rule.where, json);
  json->push_back('}');
}

// The arguments of create_stream(), and the place.
void AppendStream(const StreamRule& stream, std::string* json) {
  json->push_back('{');
  for (const auto& [key, text] : stream.values) {
    if (key != "name") AppendText(key.c_str(), text, json);
  }
  AppendText("name", stream.name, json);
  AppendList("subjects", stream.subjects, json);
  AppendText("place", stream.where, json);
  json->push_back('}');
}

// The items as a JSON array.  May raise.
template <typename Item>
Datum MakeJsonb(const std::vector<Item>& items, void (*append)(const Item&, std::string*)) {
  auto* json = NewInContext<std::string>(CurrentMemoryContext, "[");
  for (const Item& item : items) {
    if (json->back() != '[') json->push_back(',');
    append(item, json);
  }
  json->push_back(']');
  return DirectFunctionCall1(jsonb_in, CStringGetDatum(FromUtf8Anyhow(*json)));
}

struct SyncCall {
  const Config* config;
  bool complete;  // nothing is left to retry
};

// Runs in a transaction, with SPI connected.
void CallSync(void* argument) {
  auto* call = static_cast<SyncCall*>(argument);
  Oid types[] = {JSONBOID, JSONBOID};
  Datum values[] = {MakeJsonb(call->config->streams, AppendStream),
                    MakeJsonb(call->config->rules, AppendRule)};
  const int result = SPI_execute_with_args("SELECT fraiseql_nats_internal.sync_declared($1, $2)", 2,
                                           types, values, nullptr, false, 0);
  if (result != SPI_OK_SELECT) elog(ERROR, "%s", SPI_result_code_string(result));
  bool is_null = true;
  call->complete =
      SPI_processed == 1 &&
      DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
}

}  // namespace

void DeclaredObservers::TrySync(const Config& config) {
  std::string error;
  SyncCall call = {&config, false};
  const bool done = TryOwnTransaction(CallSync, &call, &error);
  failed_ = !done || !call.complete;
  if (!done && error != logged_) {
    const Status status = Status::Invalid(
        "could not create the streams and observers of the configuration files: " + error);
    status_->RecordError(status);
    ereport(WARNING, (errmsg("%s", status.message().c_str()),
                      errdetail("They stay as they are; the worker retries.")));
  }
  logged_ = error;
}

void DeclaredObservers::Sync(const Config& config) {
  if (worker_.stream != kDefaultStream) return;
  TrySync(config);
  const TransactionId next = ReadNextTransactionId();
  const bool others = TransactionIdPrecedes(OldestRunningTransaction(), next);
  await_before_ = others && !config.rules.empty() ? next : InvalidTransactionId;
}

void DeclaredObservers::SyncAgain(const Config& config, int64_t now_ms) {
  if (worker_.stream != kDefaultStream) return;
  const bool awaits = TransactionIdIsValid(await_before_);
  if (!(awaits || failed_) || now_ms < next_look_ms_) return;
  next_look_ms_ = now_ms + (awaits ? kLookMs : kRetryMs);
  if (awaits && TransactionIdPrecedes(OldestRunningTransaction(), await_before_)) return;
  await_before_ = InvalidTransactionId;  // later transactions see the rules
  TrySync(config);
}

}  // namespace fraiseql::pg

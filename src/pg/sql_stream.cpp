// SPDX-License-Identifier: PostgreSQL
// The stream and its consumers, from SQL.
#include <functional>

#include "nats/background_call.h"
#include "nats/consumer_management.h"
#include "nats/jetstream_client.h"
#include "nats/stream_management.h"

extern "C" {
#include "postgres.h"

#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/wait_event.h"
}

#include "pg/broker_config.h"
#include "pg/config_files.h"
#include "pg/gucs.h"
#include "pg/guard.h"

namespace fraiseql::pg {

namespace {

using nats::JetStreamClient;

// What a call needs, in one place that an error leaves to its memory context; a call that the user
// cancels goes on by itself to its end, and is forgotten.
template <typename Result>
struct ManagementCall {
  nats::BackgroundCall<Result> call;
  std::function<Status(JetStreamClient*, Result*)> function;
  nats::BrokerSettings broker;
  LoadedConfig config;
  Status status;
  Result result;
};

// REQUIRES: a GUC nest level of its own, with which the values from the files go again.
template <typename Result>
ManagementCall<Result>* NewCall() {
  auto* call = NewInContext<ManagementCall<Result>>(CurrentMemoryContext);
  LoadConfig(&call->config);
  if (!call->config.errors.empty()) {
    const ConfigProblem& error = call->config.errors.front();
    RaiseStatus(Status::Invalid(error.text(), error.hint));
  }
  (void)ApplyConfig(call->config.config, true);
  call->broker = CurrentBrokerSettings(get_database_name(MyDatabaseId));
  return call;
}

// Waits for the result, interruptibly; raises if the call fails.
template <typename Result>
const Result& Await(ManagementCall<Result>* self) {
  self->status = self->call.Start([broker = self->broker,
                                   function = self->function](Result* result) {
    return nats::WithJetStream(broker, [&](JetStreamClient* js) { return function(js, result); });
  });
  while (self->call.busy()) {
    (void)WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_EXIT_ON_PM_DEATH,
                            self->call.wake_fd(), -1, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    (void)self->call.Finish(&self->status, &self->result);
  }
  if (!self->status.ok()) RaiseStatus(Status(self->status));
  return self->result;
}

// Puts together the rows of a result.
class Rows {
 public:
  explicit Rows(FunctionCallInfo fcinfo) {
    InitMaterializedSRF(fcinfo, 0);
    info_ = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  }
  Rows& Text(const std::string& text) {
    return Add(text.empty() ? Datum{0} : CStringGetTextDatum(text.c_str()), text.empty());
  }
  Rows& Number(uint64_t number) { return Add(Int64GetDatum(static_cast<int64>(number)), false); }
  Rows& Limit(int64_t limit) { return Add(Int64GetDatum(limit), limit <= 0); }
  Rows& Bool(bool value) { return Add(BoolGetDatum(value), false); }
  Rows& Duration(int64_t ms) {
    auto* interval = static_cast<Interval*>(palloc0(sizeof(Interval)));
    interval->time = ms * 1000;
    return Add(IntervalPGetDatum(interval), ms <= 0);
  }
  void EndRow() {
    tuplestore_putvalues(info_->setResult, info_->setDesc, values_, nulls_);
    count_ = 0;
  }

 private:
  Rows& Add(Datum value, bool is_null) {
    values_[count_] = value;
    nulls_[count_++] = is_null;
    return *this;
  }
  ReturnSetInfo* info_;
  Datum values_[20];
  bool nulls_[20];
  int count_ = 0;
};

// Calls `body` on a GUC nest level; an error ends it with the transaction.
void WithSettings(void (*body)(FunctionCallInfo), FunctionCallInfo fcinfo) {
  const int nest_level = NewGUCNestLevel();
  body(fcinfo);
  AtEOXact_GUC(false, nest_level);
}

const char* TextOr(FunctionCallInfo fcinfo, int number, const char* otherwise) {
  return PG_ARGISNULL(number) ? otherwise : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

void ShowStream(FunctionCallInfo fcinfo) {
  auto* call = NewCall<nats::StreamInfo>();
  call->function = [stream = std::string(settings.stream_name)](JetStreamClient* js,
                                                                nats::StreamInfo* info) {
    return nats::GetStreamInfo(js, stream, info);
  };
  const nats::StreamInfo& info = Await(call);
  auto* subjects = NewInContext<std::string>(CurrentMemoryContext);
  for (const std::string& subject : info.config.subjects) {
    if (!subjects->empty()) subjects->append(",");
    subjects->append(subject);
  }
  Rows rows(fcinfo);
  rows.Text(info.config.name).Text(*subjects);
  rows.Number(info.messages).Number(info.bytes);
  rows.Number(info.first_sequence).Number(info.last_sequence).Number(info.consumers);
  rows.Duration(info.config.max_age_ms.value_or(0)).Limit(info.config.max_bytes.value_or(0));
  rows.Limit(info.config.max_messages.value_or(0));
  rows.Duration(info.config.duplicate_window_ms.value_or(0));
  rows.Number(static_cast<uint64_t>(info.config.replicas.value_or(1)));
  rows.EndRow();
}

void SyncStream(FunctionCallInfo fcinfo) {
  auto* call = NewCall<nats::StreamOutcome>();
  call->function = [spec = CurrentStreamSpec()](JetStreamClient* js, nats::StreamOutcome* outcome) {
    return nats::EnsureStream(js, spec, nats::EnsureMode::kUpdate, outcome);
  };
  const nats::StreamOutcome& outcome = Await(call);
  Rows rows(fcinfo);
  for (const nats::Difference& difference : outcome.differences) {
    rows.Text(difference.field).Text(difference.found).Text(difference.wanted);
    rows.Bool(difference.changed).EndRow();
  }
}

void ShowConsumers(FunctionCallInfo fcinfo) {
  auto* call = NewCall<std::vector<nats::ConsumerInfo>>();
  call->function = [stream = std::string(settings.stream_name)](
                       JetStreamClient* js, std::vector<nats::ConsumerInfo>* consumers) {
    return nats::ListConsumers(js, stream, consumers);
  };
  const std::vector<nats::ConsumerInfo>& consumers = Await(call);
  Rows rows(fcinfo);
  for (const nats::ConsumerInfo& consumer : consumers) {
    rows.Text(consumer.config.name).Text(consumer.config.filter_subject);
    rows.Bool(consumer.config.push).Text(consumer.config.queue);
    rows.Limit(consumer.config.max_deliver).Duration(consumer.config.ack_wait_ms);
    rows.Limit(consumer.config.max_ack_pending);
    rows.Number(consumer.pending).Number(consumer.ack_pending).Number(consumer.redelivered);
    rows.Number(consumer.delivered_sequence).Number(consumer.ack_floor).Bool(consumer.bound);
    rows.EndRow();
  }
}

void CreateConsumer(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name must not be null")));
  }
  auto* call = NewCall<nats::ConsumerChange>();
  auto* spec = NewInContext<nats::ConsumerSpec>(CurrentMemoryContext);
  spec->name = TextOr(fcinfo, 0, "");
  spec->filter_subject = TextOr(fcinfo, 1, "");
  spec->push = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
  spec->queue = TextOr(fcinfo, 3, "");
  spec->max_deliver = PG_ARGISNULL(4) ? settings.max_deliver : PG_GETARG_INT32(4);
  spec->ack_wait_ms = int64_t{settings.ack_wait_s} * 1000;
  if (!PG_ARGISNULL(5)) spec->ack_wait_ms = PG_GETARG_INTERVAL_P(5)->time / 1000;
  if (!PG_ARGISNULL(6)) spec->max_ack_pending = PG_GETARG_INT32(6);
  if (!PG_ARGISNULL(6) && (spec->max_ack_pending == 0 || spec->max_ack_pending < -1)) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("max_ack_pending must be positive, or -1"),
             errdetail("It is how many messages may be out without an acknowledgement; -1 is "
                       "without limit.")));
  }
  call->function = [stream = std::string(settings.stream_name), spec = *spec](
                       JetStreamClient* js, nats::ConsumerChange* change) {
    return nats::EnsureConsumer(js, stream, spec, change);
  };
  (void)Await(call);
}

void DropConsumer(FunctionCallInfo fcinfo) {
  auto* call = NewCall<bool>();
  call->function = [stream = std::string(settings.stream_name),
                    name = std::string(TextOr(fcinfo, 0, ""))](JetStreamClient* js, bool*) {
    return nats::DeleteConsumer(js, stream, name);
  };
  (void)Await(call);
}

}  // namespace

}  // namespace fraiseql::pg

#define SET_FUNCTION(name, body)                \
  PG_FUNCTION_INFO_V1(name);                    \
  Datum name(PG_FUNCTION_ARGS) {                \
    using namespace fraiseql::pg;               \
    Guard([=] { WithSettings(body, fcinfo); }); \
    return Datum{0};                            \
  }

extern "C" {

SET_FUNCTION(fraiseql_nats_stream_info, ShowStream)
SET_FUNCTION(fraiseql_nats_stream_sync, SyncStream)
SET_FUNCTION(fraiseql_nats_consumers, ShowConsumers)
SET_FUNCTION(fraiseql_nats_create_consumer, CreateConsumer)
SET_FUNCTION(fraiseql_nats_delete_consumer, DropConsumer)
}

// SPDX-License-Identifier: PostgreSQL
#include "core/format/event.h"
#include "core/base/number.h"

extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "commands/async.h"
// This file uses no field of the connection's structure, and the headers of GSS and SSL may be
// missing.
#undef ENABLE_GSS
#undef USE_SSL
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

#include "pg/settings/gucs.h"
#include "pg/worker/notify_listener.h"
#include "pg/base/server_text.h"
#include "pg/base/unix_time.h"

namespace fraiseql::pg {

namespace {

NotifyListener* listener = nullptr;

void Reset() {}
int Flush() { return 0; }
bool IsSendPending() { return false; }

}  // namespace

NotifyListener::NotifyListener(const Origin& origin, Pipeline* pipeline, CountedObservers* counted)
    : origin_(origin), pipeline_(pipeline), counted_(counted) {
  origin_.topic_prefix = settings.topic_prefix;
  origin_.notify_enrich = settings.notify_enrich;
  AppendHex(static_cast<uint64_t>(GetCurrentTimestamp()), 1, &run_);
  listener = this;
  static PQcommMethods methods;
  methods.comm_reset = Reset;
  methods.flush = Flush;
  methods.flush_if_writable = Flush;
  methods.is_send_pending = IsSendPending;
  methods.putmessage = OnClientMessage;
  methods.putmessage_noblock = [](char type, const char* body, size_t size) {
    (void)OnClientMessage(type, body, size);
  };
  PqCommMethods = &methods;
  whereToSendOutput = DestRemote;
  FrontendProtocol = PG_PROTOCOL_LATEST;
  SetConfigOption("client_min_messages", "error", PGC_SUSET, PGC_S_OVERRIDE);
  CacheRegisterRelcacheCallback(OnRelationChanged, Datum{0});
}

void NotifyListener::OnRelationChanged(Datum, Oid relation) {
  const Oid observers = listener->loaded_.table;
  if (!OidIsValid(relation) || !OidIsValid(observers) || relation == observers) {
    listener->freshness_.Invalidate();
  }
}

void NotifyListener::Listen() {
  AcceptInvalidationMessages();
  if (freshness_.IsFresh()) return;
  const uint64_t begin = freshness_.Begin();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  loaded_.stream = origin_.stream;
  LoadObservers(nullptr, &loaded_);
  counted_->Assign(loaded_.names, &loaded_.observers);
  Async_UnlistenAll();
  for (const Observer& observer : loaded_.observers) {
    const std::string& channel = observer.channel.empty() ? observer.topic : observer.channel;
    if (observer.source != Source::kRow && !channel.empty()) {
      Async_Listen(FromUtf8(channel));
    }
  }
  PopActiveSnapshot();
  CommitTransactionCommand();
  router_ = std::make_unique<Router>(std::move(loaded_.observers));
  freshness_.Done(begin);
}

void NotifyListener::Take() {
  if (notifyInterruptPending) ProcessNotifyInterrupt(true);
}

// NotificationResponse: process id, channel, payload.  All other messages to the client are
// dropped.
int NotifyListener::OnClientMessage(char type, const char* body, size_t) {
  if (type != 'A') return 0;
  const char* channel = body + sizeof(int32);
  listener->Publish(channel, channel + strlen(channel) + 1);
  return 0;
}

void NotifyListener::Publish(const char* channel, const char* payload) {
  // A notification that is refused here is lost, so text that is no valid UTF-8 is converted
  // anyhow.
  const std::string_view utf8_channel = ToUtf8Anyhow(channel);
  const std::string_view utf8_payload = ToUtf8Anyhow(payload);
  for (const Observer* observer : router_->ResolveChannel(utf8_channel)) {
    ++count_;
    if (!pipeline_->HasRoom()) {
      ++dropped_;
      continue;
    }
    Message* message = pipeline_->Add();
    message->commit_time_us = UnixNowUs();
    headers_.BeginOutsideTransaction(message->commit_time_us);
    std::string id;
    AppendRunMessageId(origin_, run_, count_, &id);
    const Status status =
        BuildNotification(origin_, headers_, *observer, utf8_channel, utf8_payload, id, message);
    if (status.ok()) {
      pipeline_->Seal();
    } else if (!pipeline_->Reject(status).ok()) {
      ++dropped_;
      ereport(LOG, (errmsg("notification cannot be published: %s", status.message().c_str())));
    }
  }
}

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
#include "broker_probe.h"

#include <nats/nats.h>

#include <cstdlib>

#include "nats/base/blocked_signals.h"

namespace fraiseql::nats::test {

namespace {

BrokerProbe::Stored Copy(natsMsg* message) {
  BrokerProbe::Stored stored;
  jsMsgMetaData* meta = nullptr;
  natsMsg_GetMetaData(&meta, message);
  stored.sequence = meta != nullptr ? meta->Sequence.Stream : 0;
  jsMsgMetaData_Destroy(meta);
  stored.subject = natsMsg_GetSubject(message);
  stored.payload.assign(natsMsg_GetData(message),
                        static_cast<size_t>(natsMsg_GetDataLength(message)));
  const char** names = nullptr;
  int count = 0;
  natsMsgHeader_Keys(message, &names, &count);
  for (int i = 0; i < count; ++i) {
    const char** values = nullptr;
    int values_count = 0;
    natsMsgHeader_Values(message, names[i], &values, &values_count);
    for (int j = 0; j < values_count; ++j) {
      stored.all_headers += std::string(names[i]) + "=" + values[j] + ";";
    }
    free(values);
  }
  free(names);
  const char* id = nullptr;
  if (natsMsgHeader_Get(message, "Nats-Msg-Id", &id) == NATS_OK) stored.message_id = id;
  return stored;
}

void Answer(natsConnection* connection, natsSubscription*, natsMsg* message, void* text) {
  if (const char* reply = natsMsg_GetReply(message)) {
    natsConnection_PublishString(connection, reply, static_cast<const char*>(text));
  }
  natsMsg_Destroy(message);
}

}  // namespace

BrokerProbe::BrokerProbe(const std::string& url) {
  const BlockedSignals blocked;
  natsOptions* options = nullptr;
  const bool made = natsOptions_Create(&options) == NATS_OK &&
                    natsOptions_SetURL(options, url.c_str()) == NATS_OK &&
                    natsOptions_SkipServerVerification(options, true) == NATS_OK &&
                    natsConnection_Connect(&connection_, options) == NATS_OK &&
                    natsConnection_JetStream(&jetstream_, connection_, nullptr) == NATS_OK;
  natsOptions_Destroy(options);
  if (!made) std::abort();
}

BrokerProbe::~BrokerProbe() {
  const BlockedSignals blocked;
  // Closed first: before 3.6.1 the library may crash on a message that arrives for a subscription
  // that is being destroyed.
  natsConnection_Close(connection_);
  natsSubscription_Destroy(service_);
  for (natsSubscription* subscription : used_up_) natsSubscription_Destroy(subscription);
  jsCtx_Destroy(jetstream_);
  natsConnection_Destroy(connection_);
}

std::string BrokerProbe::Api(const std::string& request, const std::string& body) {
  const BlockedSignals blocked;
  natsMsg* answer = nullptr;
  if (natsConnection_Request(&answer, connection_, ("$JS.API." + request).c_str(), body.data(),
                             static_cast<int>(body.size()), 3000) != NATS_OK) {
    return "";
  }
  std::string text(natsMsg_GetData(answer), static_cast<size_t>(natsMsg_GetDataLength(answer)));
  natsMsg_Destroy(answer);
  return text;
}

void BrokerProbe::CreateStream(const std::string& more) {
  const std::string config = R"({"name":"fraiseql_events","subjects":["fraiseql.>"])" + more;
  const std::string made =
      Api("STREAM.CREATE.fraiseql_events", config + R"(,"allow_batched":true})");
  // Between 2.12 and 2.14, a server refuses what it does not know.
  if (made.find("\"error\"") != std::string::npos) {
    Api("STREAM.CREATE.fraiseql_events", config + "}");
  }
}

std::string BrokerProbe::Publish(const std::string& subject, const std::string& id) {
  return Ask(subject, id, "x", "1");
}

std::string BrokerProbe::Ask(const std::string& subject, const std::string& id,
                             const std::string& payload, const std::string& reply_end) {
  const BlockedSignals blocked;
  natsInbox* inbox = nullptr;
  natsSubscription* answers = nullptr;
  natsMsg* message = nullptr;
  natsMsg* answer = nullptr;
  std::string text;
  natsInbox_Create(&inbox);
  const std::string reply = std::string(inbox) + "." + reply_end;
  natsConnection_SubscribeSync(&answers, connection_, reply.c_str());
  natsMsg_Create(&message, subject.c_str(), reply.c_str(), payload.data(),
                 static_cast<int>(payload.size()));
  if (!id.empty()) natsMsgHeader_Set(message, "Nats-Msg-Id", id.c_str());
  natsConnection_PublishMsg(connection_, message);
  if (natsSubscription_NextMsg(&answer, answers, 3000) == NATS_OK) {
    text.assign(natsMsg_GetData(answer), static_cast<size_t>(natsMsg_GetDataLength(answer)));
  }
  natsSubscription_Unsubscribe(answers);
  used_up_.push_back(answers);
  natsMsg_Destroy(answer);
  natsMsg_Destroy(message);
  natsInbox_Destroy(inbox);
  return text;
}

std::vector<BrokerProbe::Stored> BrokerProbe::Messages(const std::string& stream) {
  const BlockedSignals blocked;
  std::vector<Stored> messages;
  jsStreamInfo* info = nullptr;
  if (js_GetStreamInfo(&info, jetstream_, stream.c_str(), nullptr, nullptr) != NATS_OK) {
    return messages;
  }
  const uint64_t expected = info->State.Msgs;
  jsStreamInfo_Destroy(info);
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Stream = stream.c_str();
  options.Ordered = true;
  natsSubscription* all = nullptr;
  if (js_SubscribeSync(&all, jetstream_, ">", nullptr, &options, nullptr) == NATS_OK) {
    natsMsg* message = nullptr;
    while (messages.size() < expected && natsSubscription_NextMsg(&message, all, 2000) == NATS_OK) {
      messages.push_back(Copy(message));
      natsMsg_Destroy(message);
    }
  }
  natsSubscription_Unsubscribe(all);
  used_up_.push_back(all);
  return messages;
}

void BrokerProbe::Serve(const std::string& subject, const char* text) {
  const BlockedSignals blocked;
  natsConnection_Subscribe(&service_, connection_, subject.c_str(), Answer,
                           const_cast<char*>(text));
  natsConnection_Flush(connection_);
}

}  // namespace fraiseql::nats::test

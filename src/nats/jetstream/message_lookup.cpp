// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/message_lookup.h"

#include "nats/base/names.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_client.h"

namespace fraiseql::nats {

namespace {

bool IsAskedFor(const StoredMessage& message, const Json& which) {
  const auto sequence = which.find("seq");
  if (sequence == which.end()) return true;
  return which.contains("next_by_subj") ? message.sequence >= *sequence
                                        : message.sequence == *sequence;
}

Status Get(JetStreamClient* js, const std::string& stream, const Json& which,
           std::optional<StoredMessage>* message) {
  const std::string what = "message of " + StreamNamed(stream);
  Status status = ReadMessage(js->Call("STREAM.MSG.GET." + stream, which, what), what, message);
  if (*message && !IsAskedFor(**message, which)) {
    message->reset();
    status = NotUnderstood(what);
  }
  return status;
}

}  // namespace

Status GetMessage(JetStreamClient* js, const std::string& stream, uint64_t sequence,
                  std::optional<StoredMessage>* message) {
  return Get(js, stream, {{"seq", sequence}}, message);
}

Status GetNextMessage(JetStreamClient* js, const std::string& stream, uint64_t from,
                      const std::string& filter, std::optional<StoredMessage>* message) {
  return Get(js, stream, {{"seq", from}, {"next_by_subj", filter}}, message);
}

Status GetLastMessage(JetStreamClient* js, const std::string& stream, const std::string& subject,
                      std::optional<StoredMessage>* message) {
  return Get(js, stream, {{"last_by_subj", subject}}, message);
}

}  // namespace fraiseql::nats

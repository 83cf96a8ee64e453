// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/message_lookup.h"

#include <utility>

#include "nats/jetstream/api_call.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/jetstream/jetstream_error.h"

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
  message->reset();
  const ApiAnswer answer =
      CallApi(js, "STREAM.MSG.GET." + stream, which, "message of " + StreamNamed(stream));
  if (answer.err_code == kMessageNotFound) return Status::Ok();
  if (!answer.status.ok()) return answer.status;
  const Json found = ObjectAt(answer.body, "message");
  StoredMessage stored;
  if (!ParseStoredMessage(found, &stored) || !IsAskedFor(stored, which)) {
    return Status::Unavailable("message of " + StreamNamed(stream) +
                               ": JetStream's answer is not understood");
  }
  *message = std::move(stored);
  return answer.status;
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

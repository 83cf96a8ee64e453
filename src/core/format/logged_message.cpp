// SPDX-License-Identifier: PostgreSQL
#include "core/format/logged_message.h"

#include "core/base/binary_fields.h"
#include "core/base/header_line.h"
#include "core/change/message.h"
#include "core/route/bucket.h"
#include "core/route/subject.h"

namespace fraiseql {

namespace {

constexpr char kVersion = 1;

// The names of a header block that IsHeaderBlock().
template <typename Allowed>
bool AllNames(std::string_view headers, Allowed allowed) {
  for (HeaderLine line; TakeHeaderLine(&headers, &line);) {
    if (!allowed(line.name)) return false;
  }
  return true;
}

// A retried message has headers that the extension added, but none that the server acts on.
bool IsAllowedInRetry(std::string_view name) {
  constexpr std::string_view kOurs = "Fraiseql-";
  return !IsReservedHeader(name) || name.substr(0, kOurs.size()) == kOurs;
}

// Checks the parts as publish() and retry_dead_letter() do: any session may write to the log.
Status CheckPublished(const LoggedMessage& message) {
  const Status subject = message.kind == LoggedKind::kRetry ? CheckMessageSubject(message.subject)
                                                            : CheckSubject(message.subject);
  if (!subject.ok()) return subject;
  const auto allowed = message.kind == LoggedKind::kRetry
                           ? IsAllowedInRetry
                           : [](std::string_view name) { return !IsReservedHeader(name); };
  if (!IsHeaderBlock(message.headers) || !IsHeaderValue(message.message_id) ||
      !AllNames(message.headers, allowed)) {
    return Status::Invalid("logical message has invalid headers");
  }
  return Status::Ok();
}

}  // namespace

size_t LoggedSize(const LoggedMessage& message) {
  return message.subject.size() + message.channel.size() + message.message_id.size() +
         message.headers.size() + message.payload.size() + message.traceparent.size() +
         message.observer.size() + message.tuple.size() + message.stream.size();
}

void AppendLoggedMessage(const LoggedMessage& message, std::string* body) {
  body->push_back(kVersion);
  body->push_back(static_cast<char>(message.kind));
  switch (message.kind) {
    case LoggedKind::kPublish:
    case LoggedKind::kRetry:
      AppendField<uint32_t>(message.subject, body);
      AppendField<uint32_t>(message.message_id, body);
      AppendField<uint32_t>(message.headers, body);
      AppendField<uint32_t>(message.payload, body);
      AppendField<uint32_t>(message.stream, body);
      if (message.kind == LoggedKind::kRetry) AppendNumber(message.attempts, body);
      break;
    case LoggedKind::kNotify:
      AppendField<uint32_t>(message.channel, body);
      AppendField<uint32_t>(message.payload, body);
      break;
    case LoggedKind::kTrace:
      AppendField<uint32_t>(message.traceparent, body);
      break;
    case LoggedKind::kRestore:
      break;
    case LoggedKind::kSnapshot:
      AppendNumber(message.relation, body);
      AppendField<uint32_t>(message.observer, body);
      AppendField<uint32_t>(message.tuple, body);
      break;
  }
}

Status ParseLoggedMessage(std::string_view body, LoggedMessage* message) {
  if (body.size() < 2 || body[0] != kVersion) {
    return Status::Invalid("logical message of an unknown version");
  }
  *message = {};
  message->kind = static_cast<LoggedKind>(body[1]);
  std::string_view rest = body.substr(2);
  bool complete = false;
  switch (message->kind) {
    case LoggedKind::kPublish:
    case LoggedKind::kRetry:
      complete = TakeField<uint32_t>(&rest, &message->subject) &&
                 TakeField<uint32_t>(&rest, &message->message_id) &&
                 TakeField<uint32_t>(&rest, &message->headers) &&
                 TakeField<uint32_t>(&rest, &message->payload) &&
                 TakeField<uint32_t>(&rest, &message->stream) &&
                 (message->kind == LoggedKind::kPublish || TakeNumber(&rest, &message->attempts));
      break;
    case LoggedKind::kNotify:
      complete = TakeField<uint32_t>(&rest, &message->channel) &&
                 TakeField<uint32_t>(&rest, &message->payload);
      break;
    case LoggedKind::kTrace:
      complete = TakeField<uint32_t>(&rest, &message->traceparent);
      break;
    case LoggedKind::kRestore:
      complete = true;
      break;
    case LoggedKind::kSnapshot:
      complete = TakeNumber(&rest, &message->relation) &&
                 TakeField<uint32_t>(&rest, &message->observer) &&
                 TakeField<uint32_t>(&rest, &message->tuple);
      break;
  }
  if (!complete || !rest.empty()) return Status::Invalid("logical message is damaged");
  const bool published =
      message->kind == LoggedKind::kPublish || message->kind == LoggedKind::kRetry;
  return published ? CheckPublished(*message) : Status::Ok();
}

}  // namespace fraiseql

// SPDX-License-Identifier: PostgreSQL
#include "core/format/logged_message.h"

#include "core/change/message.h"
#include "core/route/subject.h"

namespace fraiseql {

namespace {

constexpr char kVersion = 1;

void AppendNumber(size_t number, std::string* body) {
  for (int shift = 0; shift < 32; shift += 8) {
    body->push_back(static_cast<char>((number >> shift) & 0xFF));
  }
}

void AppendField(std::string_view field, std::string* body) {
  AppendNumber(field.size(), body);
  body->append(field);
}

bool TakeNumber(std::string_view* rest, uint32_t* number) {
  if (rest->size() < 4) return false;
  *number = 0;
  for (size_t i = 0; i < 4; ++i) {
    *number |= static_cast<uint32_t>(static_cast<unsigned char>((*rest)[i])) << (8 * i);
  }
  rest->remove_prefix(4);
  return true;
}

bool TakeField(std::string_view* rest, std::string_view* field) {
  uint32_t size = 0;
  if (!TakeNumber(rest, &size) || rest->size() < size) return false;
  *field = rest->substr(0, size);
  rest->remove_prefix(size);
  return true;
}

// The names of a header block that IsHeaderBlock().
template <typename Allowed>
bool AllNames(std::string_view headers, Allowed allowed) {
  while (!headers.empty()) {
    if (!allowed(headers.substr(0, headers.find(':')))) return false;
    headers.remove_prefix(headers.find("\r\n") + 2);
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
  const Status subject = CheckSubject(message.subject);
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
      AppendField(message.subject, body);
      AppendField(message.message_id, body);
      AppendField(message.headers, body);
      AppendField(message.payload, body);
      AppendField(message.stream, body);
      if (message.kind == LoggedKind::kRetry) AppendNumber(message.attempts, body);
      break;
    case LoggedKind::kNotify:
      AppendField(message.channel, body);
      AppendField(message.payload, body);
      break;
    case LoggedKind::kTrace:
      AppendField(message.traceparent, body);
      break;
    case LoggedKind::kRestore:
      break;
    case LoggedKind::kSnapshot:
      AppendNumber(message.relation, body);
      AppendField(message.observer, body);
      AppendField(message.tuple, body);
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
      complete = TakeField(&rest, &message->subject) && TakeField(&rest, &message->message_id) &&
                 TakeField(&rest, &message->headers) && TakeField(&rest, &message->payload) &&
                 TakeField(&rest, &message->stream) &&
                 (message->kind == LoggedKind::kPublish || TakeNumber(&rest, &message->attempts));
      break;
    case LoggedKind::kNotify:
      complete = TakeField(&rest, &message->channel) && TakeField(&rest, &message->payload);
      break;
    case LoggedKind::kTrace:
      complete = TakeField(&rest, &message->traceparent);
      break;
    case LoggedKind::kRestore:
      complete = true;
      break;
    case LoggedKind::kSnapshot:
      complete = TakeNumber(&rest, &message->relation) && TakeField(&rest, &message->observer) &&
                 TakeField(&rest, &message->tuple);
      break;
  }
  if (!complete || !rest.empty()) return Status::Invalid("logical message is damaged");
  const bool published =
      message->kind == LoggedKind::kPublish || message->kind == LoggedKind::kRetry;
  return published ? CheckPublished(*message) : Status::Ok();
}

}  // namespace fraiseql

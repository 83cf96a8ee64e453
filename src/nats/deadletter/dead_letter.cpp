// SPDX-License-Identifier: PostgreSQL
#include "nats/deadletter/dead_letter.h"

#include <strings.h>

#include "core/base/foreign_text.h"
#include "core/base/header_line.h"
#include "core/base/number.h"
#include "nats/base/names.h"
#include "nats/base/server_json.h"

namespace fraiseql::nats {

namespace {

constexpr std::string_view kOurHeaders = "Fraiseql-Dlq-";
constexpr char kSubjectHeader[] = "Fraiseql-Dlq-Subject";

std::string_view TypeOf(const std::string& type) {
  constexpr std::string_view kPrefix = "io.nats.jetstream.advisory.v1.";
  if (type.compare(0, kPrefix.size(), kPrefix) != 0) return {};
  return std::string_view(type).substr(kPrefix.size());
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         strncasecmp(text.data(), prefix.data(), prefix.size()) == 0;
}

// Control headers must not take effect again: Nats-Rollup would delete all dead letters.
bool IsCopied(std::string_view name) {
  return IsHeaderName(name) && !StartsWith(name, "Nats-") && !StartsWith(name, kOurHeaders);
}

void CopyHeaders(std::string_view headers, Message* letter) {
  for (HeaderLine line; TakeHeaderLine(&headers, &line);) {
    if (IsCopied(line.name) && IsHeaderValue(line.value)) letter->AddHeader(line.name, line.value);
  }
}

void AddFact(std::string_view name, std::string_view value, Message* letter) {
  letter->AddHeader(std::string(kOurHeaders).append(name), value);
}

// A reason given by a program: letters of any language, up to kMaxForeignText.
std::string Shortened(std::string_view words) {
  return IsPlainText(words, kMaxForeignText) ? std::string(words) : ForeignText(words);
}

const char* Missing(Content content) {
  return content == Content::kTooLarge ? "too_large" : "gone";
}

std::string Facts(const GiveUp& give_up, const StoredMessage* original, Content content) {
  Json facts = {
      {"stream", give_up.stream},     {"sequence", give_up.sequence},
      {"consumer", give_up.consumer}, {"deliveries", give_up.deliveries},
      {"reason", give_up.reason},     {"missing", Missing(content)},
  };
  if (original != nullptr) facts["subject"] = original->subject;
  return ToText({{"dead_letter", facts}});
}

}  // namespace

bool ParseAdvisory(std::string_view payload, GiveUp* give_up) {
  const Json advisory = ParseObject(payload);
  const std::string type = TextAt(advisory, "type");
  give_up->stream = TextAt(advisory, "stream");
  give_up->consumer = TextAt(advisory, "consumer");
  give_up->sequence = CountAt(advisory, "stream_seq");
  give_up->deliveries = CountAt(advisory, "deliveries");
  give_up->reason = "max_deliver";
  if (TypeOf(type) == "terminated") {
    const std::string_view why = DataAt(advisory, "reason");
    give_up->reason = why.empty() ? "terminated" : "terminated: " + Shortened(why);
  } else if (TypeOf(type) != "max_deliver") {
    return false;
  }
  return CheckName("stream", give_up->stream).ok() &&
         CheckName("consumer", give_up->consumer).ok() && give_up->sequence > 0 &&
         ParseTime(TextAt(advisory, "timestamp"), &give_up->time_ns);
}

std::string DeadLetterId(const GiveUp& give_up) {
  std::string id = "dlq:" + give_up.stream + ":" + give_up.consumer + ":";
  AppendDecimal(give_up.sequence, &id);
  return id;
}

bool IsDeadLetter(const StoredMessage& message, std::string_view dead_letter_subject) {
  if (message.subject == dead_letter_subject) return true;
  const std::string_view made_for = FindHeader(message.headers, kSubjectHeader);
  return !made_for.empty() && made_for != message.subject;
}

void WriteDeadLetter(const GiveUp& give_up, const StoredMessage* original, Content content,
                     Message* letter) {
  letter->AddHeader("Nats-Msg-Id", DeadLetterId(give_up));
  AddFact("Stream", give_up.stream, letter);
  AddFact("Sequence", std::to_string(give_up.sequence), letter);
  AddFact("Consumer", give_up.consumer, letter);
  AddFact("Deliveries", std::to_string(give_up.deliveries), letter);
  std::string reason;  // contains text of a program
  AppendHeaderValue(give_up.reason, &reason);
  AddFact("Reason", reason, letter);
  if (original != nullptr) AddFact("Subject", original->subject, letter);
  if (original != nullptr && content == Content::kAll) {
    CopyHeaders(original->headers, letter);
    letter->payload = original->payload;
  } else {
    AddFact("Missing", Missing(content), letter);
    letter->payload = Facts(give_up, original, content);
  }
}

}  // namespace fraiseql::nats

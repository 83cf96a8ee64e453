// SPDX-License-Identifier: PostgreSQL
#include "nats/publish/message_check.h"

#include <algorithm>

#include "nats/base/clock.h"
#include "nats/base/names.h"

namespace fraiseql::nats {

namespace {

// The server's default for the line "HPUB subject reply header-size total-size"; it closes the
// connection on a longer one.
constexpr size_t kMaxControlLine = 4096;
constexpr size_t kControlLineRest = 32;  // all but subject and reply

constexpr size_t kHeaderFrame = 12;  // "NATS/1.0\r\n" before and "\r\n" after the header lines

}  // namespace

size_t MessageCheck::WireSize(const Message& message, size_t more) {
  const size_t headers = message.headers.size() + more;
  return (headers > 0 ? headers + kHeaderFrame : 0) + message.payload.size();
}

void MessageCheck::Connected(int64_t max_payload) {
  max_payload_ = static_cast<size_t>(max_payload);
  connected_us_ = WallClockUs();
}

void MessageCheck::Looked(const std::vector<std::string>& subjects) {
  stream_subjects_ = subjects;
  subjects_ = SubjectSet(subjects);
  looked_us_ = WallClockUs();
}

Status MessageCheck::Learn(std::string_view refusal) {
  return refused_.Learn(refusal, WallClockUs());
}

Status MessageCheck::Check(const Message& message, size_t more, const StreamSettings& stream,
                           bool* needs_connection) {
  Status status = CheckSize(message, more, needs_connection);
  if (!status.ok()) return status;
  // The caller has checked the subject already; but such a character would break the protocol on
  // each attempt.
  if (std::any_of(message.subject.begin(), message.subject.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' '; })) {
    return Status::Rejected("subject has a blank or control character");
  }
  if (!subjects_.Takes(message.subject)) return RefuseSubject(message, stream);
  return refused_.empty() ? Status::Ok() : refused_.Check(message, WallClockUs());
}

Status MessageCheck::CheckSize(const Message& message, size_t more, bool* needs_connection) const {
  if (!Fits(message, more)) {
    const size_t size = WireSize(message, more);
    if (!IsStillBelieved(message, connected_us_, WallClockUs())) {
      *needs_connection = true;  // a server reports a raised limit to new connections only
      return Status::Unavailable("message of " + std::to_string(size) +
                                 " bytes is over a limit that may have been raised: asking again");
    }
    return Status::Rejected("message of " + std::to_string(size) +
                                " bytes, headers included, is over the NATS server's limit of " +
                                std::to_string(max_payload_),
                            "Raise max_payload in the server's configuration.");
  }
  if (message.subject.size() + reply_size_ + kControlLineRest > kMaxControlLine) {
    return Status::Rejected("subject of " + std::to_string(message.subject.size()) +
                            " bytes is too long for NATS");
  }
  return Status::Ok();
}

// Such a message is never sent: another stream might take its subject, now or later.
Status MessageCheck::RefuseSubject(const Message& message, const StreamSettings& stream) const {
  if (!IsStillBelieved(message, looked_us_, WallClockUs())) {
    return Status::Unavailable("the stream did not take subject \"" + message.subject +
                               "\" when it was last checked: checking it again");
  }
  const std::string observer =
      message.observer.empty() ? "" : ", to which observer \"" + message.observer + "\" sends";
  // If the settings have the subject, the stream was not created from them.
  const bool is_wanted =
      !stream.subjects.empty() && SubjectSet(stream.subjects).Takes(message.subject);
  return Status::Rejected(
      StreamNamed(stream.name) + " does not take subject \"" + message.subject + "\"" + observer,
      std::string(is_wanted ? "Run" : "Add it to \"fraiseql_nats.stream_subjects\", reload, run") +
          " SELECT * FROM fraiseql_nats.stream_sync(); and retry the message; or choose a subject "
          "that the stream takes.");
}

}  // namespace fraiseql::nats

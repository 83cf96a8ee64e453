// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/change/message.h"
#include "core/route/subject_set.h"
#include "nats/base/broker_settings.h"
#include "nats/connection/refused_subjects.h"

namespace fraiseql::nats {

// Whether the server and the stream would take a message, as far as they have said.
class MessageCheck {
 public:
  // A connection was made: the server's limit of headers and payload in bytes.
  void Connected(int64_t max_payload);
  // The most bytes of a reply subject.
  void SetReplySize(size_t bytes) { reply_size_ = bytes; }
  // The subjects of the stream; empty: not known.
  void Looked(const std::vector<std::string>& subjects);
  // The connection has ended for lack of a permission, as the server's error text says; see
  // RefusedSubjects::Learn().
  Status Learn(std::string_view refusal);

  // kRejected: it can never be stored.  kUnavailable: what is known may be outdated; with
  // `*needs_connection`, a new connection is needed to know it.  `more`: bytes of headers that it
  // is sent with besides its own.
  Status Check(const Message& message, size_t more, const StreamSettings& stream,
               bool* needs_connection);

  const std::vector<std::string>& subjects() const { return stream_subjects_; }

  // Whether the server takes so many bytes.
  bool Fits(const Message& message, size_t more) const {
    return WireSize(message, more) <= max_payload_;
  }
  // The size of headers and payload, as the server counts them.
  static size_t WireSize(const Message& message, size_t more);

 private:
  Status CheckSize(const Message& message, size_t more, bool* needs_connection) const;
  Status RefuseSubject(const Message& message, const StreamSettings& stream) const;

  size_t max_payload_ = 0;
  int64_t connected_us_ = 0;  // when the server reported its limits
  size_t reply_size_ = 0;
  RefusedSubjects refused_;
  std::vector<std::string> stream_subjects_;
  SubjectSet subjects_;    // the same
  int64_t looked_us_ = 0;  // when they were read
};

}  // namespace fraiseql::nats

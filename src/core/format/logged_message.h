// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace fraiseql {

// The logical messages that publish(), captured notifications, the session's trace context,
// backfill() and retry_dead_letter() write into the log.  The log may be read by a later version
// than the one that wrote it.  Their body:
//
//   body   := version:1 kind:1 field*
//   field  := length:4 byte*
//   numbers are little endian
//   publish  'P'  subject, message id (may be empty), header lines, payload, stream (empty: the
//                 default one)
//   notify   'N'  channel, payload
//   trace    'T'  traceparent (empty: none from here on)
//   snapshot 'S'  OID of the table:4, name of the observer (empty: all of them), the row as its
//                 table stores it
//   retry    'R'  as publish, and how often it has been refused for good:4
//   restore  'L'  (nothing: the rows that follow in the transaction are loaded from a dump)
enum class LoggedKind : char {
  kPublish = 'P',
  kNotify = 'N',
  kTrace = 'T',
  kSnapshot = 'S',
  kRetry = 'R',
  kRestore = 'L'
};

// Views into the body that was parsed.
struct LoggedMessage {
  LoggedKind kind = LoggedKind::kPublish;
  std::string_view subject;
  std::string_view channel;
  std::string_view message_id;
  std::string_view headers;
  std::string_view payload;
  std::string_view stream;
  std::string_view traceparent;
  uint32_t relation = 0;
  std::string_view observer;
  std::string_view tuple;
  uint32_t attempts = 0;
};

void AppendLoggedMessage(const LoggedMessage& message, std::string* body);

// The size of its parts in bytes, at most kMaxMessageBytes (core/change/message.h) when written.
size_t LoggedSize(const LoggedMessage& message);

// kInvalid if the body is damaged, of another version, or not acceptable to publish().
Status ParseLoggedMessage(std::string_view body, LoggedMessage* message);

}  // namespace fraiseql

// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/change/message.h"
#include "core/base/status.h"

namespace fraiseql {

// A dead letter in the worker's file, from where it is moved to the table.  The file may be read by
// a later version than the one that wrote it:
//
//   record := version:1 commit_lsn:8 commit_time:8 rejected_at:8 attempts:4 field*
//   field  := length:8 byte*
//   fields: position, subject, header lines, payload, reason, hint
//
// Numbers are little endian.  Views into the message, or the text it was parsed from.
struct DeadLetterRecord {
  uint64_t commit_lsn = 0;     // 0: not from a transaction in the log
  int64_t commit_time_us = 0;  // since 1970-01-01 UTC, like the next
  int64_t rejected_at_us = 0;
  uint32_t attempts = 0;      // to publish it, including this one
  std::string_view position;  // unique among the messages of the database
  std::string_view subject;
  std::string_view headers;
  std::string_view payload;
  std::string_view reason;
  std::string_view hint;
};

void AppendDeadLetter(const Message& message, const Status& reason, int64_t rejected_at_us,
                      std::string* record);

// False if the text is damaged or of another version.
bool ParseDeadLetter(std::string_view text, DeadLetterRecord* record);

}  // namespace fraiseql

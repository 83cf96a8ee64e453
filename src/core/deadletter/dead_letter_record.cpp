// SPDX-License-Identifier: PostgreSQL
#include "core/deadletter/dead_letter_record.h"

#include "core/base/binary_fields.h"

namespace fraiseql {

namespace {

constexpr char kVersion = 1;

// What makes the message's place unlike all others: its position, or, of a message that was not
// read from the log, its id.
std::string Place(const Message& message) {
  std::string place;
  if (message.position.commit_lsn != 0) {
    AppendPosition(message.position, &place);
  } else {
    place = MessageIdOf(message.headers);
  }
  return place;
}

}  // namespace

void AppendDeadLetter(const Message& message, const Status& reason, int64_t rejected_at_us,
                      std::string* record) {
  record->push_back(kVersion);
  AppendNumber(message.position.commit_lsn, record);
  AppendNumber(message.commit_time_us, record);
  AppendNumber(rejected_at_us, record);
  AppendNumber(message.attempts + 1, record);
  AppendField<uint64_t>(Place(message), record);
  AppendField<uint64_t>(message.subject, record);
  AppendField<uint64_t>(message.headers, record);
  AppendField<uint64_t>(message.payload, record);
  AppendField<uint64_t>(reason.message(), record);
  AppendField<uint64_t>(reason.hint(), record);
}

bool ParseDeadLetter(std::string_view text, DeadLetterRecord* record) {
  if (text.empty() || text[0] != kVersion) return false;
  std::string_view rest = text.substr(1);
  return TakeNumber(&rest, &record->commit_lsn) && TakeNumber(&rest, &record->commit_time_us) &&
         TakeNumber(&rest, &record->rejected_at_us) && TakeNumber(&rest, &record->attempts) &&
         TakeField<uint64_t>(&rest, &record->position) &&
         TakeField<uint64_t>(&rest, &record->subject) &&
         TakeField<uint64_t>(&rest, &record->headers) &&
         TakeField<uint64_t>(&rest, &record->payload) &&
         TakeField<uint64_t>(&rest, &record->reason) && TakeField<uint64_t>(&rest, &record->hint) &&
         rest.empty();
}

}  // namespace fraiseql

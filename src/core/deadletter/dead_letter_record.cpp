// SPDX-License-Identifier: PostgreSQL
#include "core/deadletter/dead_letter_record.h"

namespace fraiseql {

namespace {

constexpr char kVersion = 1;

void AppendNumber(uint64_t number, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>((number >> (8 * i)) & 0xFF));
}

void AppendField(std::string_view field, std::string* out) {
  AppendNumber(field.size(), 8, out);
  out->append(field);
}

bool TakeNumber(std::string_view* rest, size_t bytes, uint64_t* number) {
  if (rest->size() < bytes) return false;
  *number = 0;
  for (size_t i = 0; i < bytes; ++i) {
    *number |= static_cast<uint64_t>(static_cast<unsigned char>((*rest)[i])) << (8 * i);
  }
  rest->remove_prefix(bytes);
  return true;
}

bool TakeField(std::string_view* rest, std::string_view* field) {
  uint64_t size = 0;
  if (!TakeNumber(rest, 8, &size) || rest->size() < size) return false;
  *field = rest->substr(0, static_cast<size_t>(size));
  rest->remove_prefix(static_cast<size_t>(size));
  return true;
}

// What makes the message's place unlike all others: its position, or, of a message that was not
// read from the log, its id.
std::string Place(const Message& message) {
  std::string place;
  if (message.position.commit_lsn != 0) {
    AppendPosition(message.position, &place);
  } else {
    place = FindHeader(message.headers, "Nats-Msg-Id");
  }
  return place;
}

}  // namespace

void AppendDeadLetter(const Message& message, const Status& reason, int64_t rejected_at_us,
                      std::string* record) {
  record->push_back(kVersion);
  AppendNumber(message.position.commit_lsn, 8, record);
  AppendNumber(static_cast<uint64_t>(message.commit_time_us), 8, record);
  AppendNumber(static_cast<uint64_t>(rejected_at_us), 8, record);
  AppendNumber(message.attempts + 1, 4, record);
  AppendField(Place(message), record);
  AppendField(message.subject, record);
  AppendField(message.headers, record);
  AppendField(message.payload, record);
  AppendField(reason.message(), record);
  AppendField(reason.hint(), record);
}

bool ParseDeadLetter(std::string_view text, DeadLetterRecord* record) {
  if (text.empty() || text[0] != kVersion) return false;
  std::string_view rest = text.substr(1);
  uint64_t commit_time = 0, rejected_at = 0, attempts = 0;
  const bool complete = TakeNumber(&rest, 8, &record->commit_lsn) &&
                        TakeNumber(&rest, 8, &commit_time) && TakeNumber(&rest, 8, &rejected_at) &&
                        TakeNumber(&rest, 4, &attempts) && TakeField(&rest, &record->position) &&
                        TakeField(&rest, &record->subject) && TakeField(&rest, &record->headers) &&
                        TakeField(&rest, &record->payload) && TakeField(&rest, &record->reason) &&
                        TakeField(&rest, &record->hint);
  record->commit_time_us = static_cast<int64_t>(commit_time);
  record->rejected_at_us = static_cast<int64_t>(rejected_at);
  record->attempts = static_cast<uint32_t>(attempts);
  return complete && rest.empty();
}

}  // namespace fraiseql

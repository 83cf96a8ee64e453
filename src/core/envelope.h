// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/message.h"
#include "core/position.h"

namespace fraiseql {

// Where messages come from, constant for one worker.
struct Origin {
  uint64_t system_id = 0;    // of the database cluster: pg_control's system identifier
  uint32_t database_id = 0;  // OID
  std::string database;
  std::string subject_prefix;  // of row changes without a subject of their own
  std::string topic_prefix = {};
  bool notify_enrich = true;  // type and timestamp are added to notifications that lack them
};

// Appends the Nats-Msg-Id of the message at this place:
//   <system id> "." <database OID> "." <commit LSN, 16 hex digits> "." <ordinal> ["." <route>]
// The same for every decoding of the log, unlike for any two messages.  DO NOT CHANGE: streams hold
// these ids, and they are how a message is recognised after a restart.
void AppendMessageId(const Origin& origin, const Position& position, std::string* out);

// The transaction that is being decoded: what all its messages say alike.
class TransactionHeaders {
 public:
  void Begin(uint32_t xid, int64_t commit_time_us);
  // W3C trace context of the session, for the messages from here on; empty: none.
  void SetTraceparent(std::string_view traceparent);
  const std::string& lines() const { return lines_; }
  const std::string& commit_time() const { return commit_time_; }  // in ISO 8601

 private:
  std::string lines_;
  std::string commit_time_;
  size_t own_size_ = 0;  // of the lines before traceparent
};

// Adds the headers that every message carries.  An empty `message_id` stands for that of the
// position.
void AddCommonHeaders(const Origin& origin, const TransactionHeaders& transaction,
                      std::string_view message_id, Message* message);

}  // namespace fraiseql

// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/change/message.h"
#include "core/change/position.h"

namespace fraiseql {

// The origin of messages, constant for one worker.
struct Origin {
  uint64_t system_id = 0;    // of the database cluster: pg_control's system identifier
  uint32_t database_id = 0;  // OID
  std::string database;
  std::string subject_prefix;  // for row changes without a subject of their own
  std::string topic_prefix = {};
  bool notify_enrich = true;  // add type and timestamp to notifications that lack them
  std::string stream = {};    // target of the messages; empty: the default stream
  // Distinguishes a copy of the cluster that publishes beside the original, with the same
  // identifiers. Empty unless the copy was adopted.
  std::string branch = {};
  bool own_id_header = false;  // the id is in Fraiseql-Id, and not in Nats-Msg-Id
};

// Appends the origin of messages, for their ids and headers:
//   <system id> ["-" <branch>] "." <database OID>
void AppendOrigin(const Origin& origin, std::string* out);

// Appends the prefix of the Nats-Msg-Id of every message of this origin, and of no other:
//   <origin> "."
void AppendIdPrefix(const Origin& origin, std::string* out);

// Appends the Nats-Msg-Id of the message at this place:
//   <prefix> <commit LSN, 16 hex digits> "." <ordinal> ["." <route>]
// The id is the same each time the log is decoded, and unique to the message.  DO NOT CHANGE:
// streams hold these ids, and a message is recognised by them after a restart.
void AppendMessageId(const Origin& origin, const Position& position, std::string* out);

// Appends the Nats-Msg-Id of a message without a position in the log: the `count`th of a run of the
// process.
//   <prefix> "n" <run> "." <count>
void AppendRunMessageId(const Origin& origin, std::string_view run, uint64_t count,
                        std::string* out);

// The headers that all messages of the transaction being decoded share.
class TransactionHeaders {
 public:
  void Begin(uint32_t xid, int64_t commit_time_us);
  // For messages that were not read from the log: only the time of their arrival is known.
  void BeginOutsideTransaction(int64_t time_us);
  // W3C trace context of the session, for the messages from now on; empty: none.
  void SetTraceparent(std::string_view traceparent);
  const std::string& lines() const { return lines_; }
  const std::string& commit_time() const { return commit_time_; }  // in ISO 8601

 private:
  std::string lines_;
  std::string commit_time_;
  size_t own_size_ = 0;  // of the lines before traceparent
};

// Adds the headers that identify the message: Nats-Msg-Id or Fraiseql-Id, which is the first then,
// and Fraiseql-Position.  An empty `message_id` stands for the id of the position; another one is
// always in Nats-Msg-Id, and the header Fraiseql-Origin names the origin.  A message without a
// position (commit_lsn 0) has no Fraiseql-Position.
void AddIdentity(const Origin& origin, std::string_view message_id, Message* message);

// Adds the headers of every message: those, and the ones of its transaction.
void AddCommonHeaders(const Origin& origin, const TransactionHeaders& transaction,
                      std::string_view message_id, Message* message);

}  // namespace fraiseql

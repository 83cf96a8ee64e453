// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/change/message.h"
#include "core/change/position.h"

namespace fraiseql {

// Where messages come from, constant for one worker.
struct Origin {
  uint64_t system_id = 0;    // of the database cluster: pg_control's system identifier
  uint32_t database_id = 0;  // OID
  std::string database;
  std::string subject_prefix;  // of row changes without a subject of their own
  std::string topic_prefix = {};
  bool notify_enrich = true;  // type and timestamp are added to notifications that lack them
  std::string stream = {};    // that messages are for, in this database; empty: the default one
  // Tells a copy of the cluster that goes on publishing beside the original from it, with which it
  // shares all the rest.  Empty for all others.
  std::string branch = {};
};

// Appends where messages come from, in their ids and headers:
//   <system id> ["-" <branch>] "." <database OID>
void AppendOrigin(const Origin& origin, std::string* out);

// Appends what the Nats-Msg-Id of every message of this origin begins with, and of no other:
//   <origin> "."
void AppendIdPrefix(const Origin& origin, std::string* out);

// Appends the Nats-Msg-Id of the message at this place:
//   <prefix> <commit LSN, 16 hex digits> "." <ordinal> ["." <route>]
// The same for every decoding of the log, unlike for any two messages.  DO NOT CHANGE: streams hold
// these ids, and they are how a message is recognised after a restart.
void AppendMessageId(const Origin& origin, const Position& position, std::string* out);

// The same for a message that has no place in the log: the `count`th of a run of the process.
//   <prefix> "n" <run> "." <count>
void AppendRunMessageId(const Origin& origin, std::string_view run, uint64_t count,
                        std::string* out);

// The transaction that is being decoded: what all its messages say alike.
class TransactionHeaders {
 public:
  void Begin(uint32_t xid, int64_t commit_time_us);
  // For what was not read from the log: only the time is known, that of its arrival.
  void BeginOutsideTransaction(int64_t time_us);
  // W3C trace context of the session, for the messages from here on; empty: none.
  void SetTraceparent(std::string_view traceparent);
  const std::string& lines() const { return lines_; }
  const std::string& commit_time() const { return commit_time_; }  // in ISO 8601

 private:
  std::string lines_;
  std::string commit_time_;
  size_t own_size_ = 0;  // of the lines before traceparent
};

// Adds the headers that say which message this is: Nats-Msg-Id and Fraiseql-Position.  An empty
// `message_id` stands for that of the position; with another one, the header Fraiseql-Origin says
// where the message comes from.  A message without a position (commit_lsn 0) has no header for it.
void AddIdentity(const Origin& origin, std::string_view message_id, Message* message);

// Adds the headers that every message carries: those, and what its transaction says.
void AddCommonHeaders(const Origin& origin, const TransactionHeaders& transaction,
                      std::string_view message_id, Message* message);

}  // namespace fraiseql

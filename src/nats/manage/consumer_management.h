// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/status.h"

namespace fraiseql::nats {

class JetStreamClient;

enum class DeliverPolicy : uint8_t {
  kAll,    // all messages that the stream holds
  kNew,    // those stored after the consumer was created
  kOther,  // of consumers that somebody else has created
};

// A durable consumer with explicit acknowledgements.  Programs bind to it by name and need not know
// how it was made; for nats.py:
//
//   pull        js.pull_subscribe(subject, durable=name)
//   push        js.subscribe(subject, cb=..., durable=name), by one program at a time
//   push+queue  js.subscribe(subject, cb=..., durable=name, queue=name), by any number; nats.py
//               insists on queue == name
//
// It looks up the stream by the subject, then the consumer by its name, and takes the rest
// (deliver_subject, deliver_group, ack_policy) from what it finds: so a push consumer needs a
// deliver_subject, a deliver_group if and only if it is for a queue, and no idle_heartbeat or flow
// control.  A consumer that nats.py has made itself differs in its deliver_subject only.
struct ConsumerSpec {
  std::string name;
  std::string filter_subject;  // empty: all of the stream
  bool push = false;
  std::string queue;  // of a push consumer; empty: none
  DeliverPolicy deliver_policy = DeliverPolicy::kAll;
  int64_t max_deliver = 3;  // -1: no limit
  int64_t ack_wait_ms = 30000;
  int64_t max_ack_pending = 0;  // messages that may be out without an acknowledgement; -1: no
                                // limit, 0: as it is, or the server's default
};

struct ConsumerInfo {
  ConsumerSpec config;
  bool durable = false;
  uint64_t pending = 0;             // messages not delivered yet
  uint64_t ack_pending = 0;         // delivered, but not acknowledged
  uint64_t redelivered = 0;         // of these, delivered more than once
  uint64_t waiting = 0;             // pull requests that wait for messages
  uint64_t delivered_sequence = 0;  // the last of the stream that was delivered
  uint64_t deliveries = 0;          // altogether
  uint64_t ack_floor = 0;           // all up to this one of the stream are acknowledged
  bool bound = false;               // somebody listens to a push consumer
  bool paused = false;
};

enum class ConsumerChange : uint8_t { kNone, kCreated, kUpdated };

// Creates the consumer unless there is one of this name, whatever it is like: others may use it.
Status CreateConsumer(JetStreamClient* js, const std::string& stream, const ConsumerSpec& wanted);

// Creates the consumer, or changes filter, max_deliver, ack_wait, max_ack_pending and queue of the
// one there is; where a push consumer delivers to stays as it is, for somebody may be listening.
// kInvalid if it exists as the other kind (pull, push) or with another deliver policy: these are
// fixed.
Status EnsureConsumer(JetStreamClient* js, const std::string& stream, const ConsumerSpec& wanted,
                      ConsumerChange* change);

// kInvalid if it does not exist.
Status GetConsumerInfo(JetStreamClient* js, const std::string& stream, const std::string& consumer,
                       ConsumerInfo* info);

// All consumers of the stream.
Status ListConsumers(JetStreamClient* js, const std::string& stream,
                     std::vector<ConsumerInfo>* consumers);

// kInvalid if it does not exist.
Status DeleteConsumer(JetStreamClient* js, const std::string& stream, const std::string& consumer);

}  // namespace fraiseql::nats

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
  kOther,  // another policy, of a consumer not created here
};

// A durable consumer with explicit acknowledgements.  Programs bind to it by name, whatever its
// configuration; for nats.py:
//
//   pull        js.pull_subscribe(subject, durable=name)
//   push        js.subscribe(subject, cb=..., durable=name), by one program at a time
//   push+queue  js.subscribe(subject, cb=..., durable=name, queue=name), by any number; nats.py
//               insists on queue == name
//
// nats.py looks up the stream by the subject, then the consumer by its name, and uses its
// deliver_subject, deliver_group and ack_policy.  So a push consumer needs a deliver_subject, a
// deliver_group if and only if it is for a queue, and no idle_heartbeat or flow control.  A
// consumer that nats.py has created itself differs in its deliver_subject only.
struct ConsumerSpec {
  std::string name;
  std::string filter_subject;  // empty: all subjects of the stream
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
  uint64_t ack_pending = 0;         // messages delivered, but not acknowledged
  uint64_t redelivered = 0;         // of these, delivered more than once
  uint64_t waiting = 0;             // pull requests that wait for messages
  uint64_t delivered_sequence = 0;  // stream sequence of the last delivered message
  uint64_t deliveries = 0;          // in total
  uint64_t ack_floor = 0;           // stream sequence up to which all are acknowledged
  bool bound = false;               // a push consumer has a subscriber
  bool paused = false;
};

enum class ConsumerChange : uint8_t { kNone, kCreated, kUpdated };

// Creates the consumer unless one of this name exists; that one stays as it is, because other
// programs may use it.
Status CreateConsumer(JetStreamClient* js, const std::string& stream, const ConsumerSpec& wanted);

// Creates the consumer, or changes filter, max_deliver, ack_wait, max_ack_pending and queue of the
// existing one.  The deliver_subject of a push consumer stays as it is, because a program may have
// subscribed to it.  kInvalid if the consumer exists as the other kind (pull, push) or with another
// deliver policy: these cannot be changed.
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

// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/message_receiver.h"

namespace fraiseql {

// Replaces the row events of a topic by the notification of the same topic in the same transaction:
// a client that inserts an order and calls pg_notify('order_created', ...) wants one message, not
// two.
//
// From the first row event of a topic on, the messages of a transaction are held until its end.  A
// transaction without such events is passed on directly, and so is the rest of one that exceeds the
// limits: from then on no row event is replaced.  The result depends on the log and the limits
// only, so that decoding again gives the same messages.
class TransactionBuffer {
 public:
  enum class Kind : uint8_t {
    kPlain,         // neither of the two
    kTopicRow,      // published unless the topic is notified in the transaction
    kNotification,  // a notification of the topic
  };

  // `receiver` is not owned.
  explicit TransactionBuffer(MessageReceiver* receiver) : receiver_(receiver) {}

  // The most messages, and bytes of them, of one transaction that are held.
  void SetLimits(size_t messages, size_t bytes);

  void Begin();

  // Where to build the next message; null if it is already replaced.  `topic` must outlive Seal().
  Message* Add(Kind kind, std::string_view topic);
  void Seal();
  void Reject(const Status& reason);
  void End(uint64_t end_lsn);

  // Whether the transaction was too large for a row event to wait for a notification.
  bool overflowed() const { return overflowed_; }

 private:
  struct Held {
    Message message;
    std::string topic;  // of a topic row, else empty
    bool replaced = false;
    Status refused;  // not ok: it goes to the receiver's Reject()
  };

  bool IsNotified(std::string_view topic) const;
  void Notify(std::string_view topic);
  void PassOn();
  void Overflow();

  MessageReceiver* const receiver_;
  size_t max_messages_ = 10000;
  size_t max_bytes_ = 16 << 20;
  std::vector<Held> held_;  // the first held_count_ are in use, the others are reused
  size_t held_count_ = 0;
  size_t held_bytes_ = 0;
  std::vector<std::string> notified_;
  bool holding_ = false;
  bool overflowed_ = false;
};

}  // namespace fraiseql

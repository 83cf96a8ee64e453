// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/pipeline/sink.h"

namespace fraiseql {

// A JetStream stream and the connections to it, in memory.  Nothing happens by itself: what was
// sent waits on its wire until the test has the broker store, refuse or drop the oldest message.
//
// A wire is what one Open() leads to.  Older ones live on with what was sent before, as data in
// socket buffers does: the broker may still store it, even after the end of the sender.
class FakeBroker : public Sink {
 public:
  // What the broker will do.
  bool opens_at_once = true;  // else FinishOpening() says when
  int opens_to_refuse = 0;    // so many attempts end in kClosed
  size_t wire_capacity = SIZE_MAX;
  bool silent = false;              // replies wait
  bool chained = false;             // each message expects the one before it, not each has an ack
  std::set<std::string> too_large;  // ids that Send() rejects

  // Sink.
  void Open(const ResumePoint& from) override;
  Opened TakeOpened() override { return opened_; }
  State state() const override { return state_; }
  const Status& status() const override { return status_; }
  bool CanSend() const override { return wires_.back().messages.size() < wire_capacity; }
  Status Check(const Message& message) override;
  Status Send(const Message& message, uint64_t sequence, const Around& around) override;
  bool NextReply(Reply* reply) override;

  // The broker's side: takes the oldest message from a wire.  REQUIRES: it has one.
  void Store(size_t wire);
  void Reject(size_t wire, const Status& status);
  void Drop(size_t wire);  // not stored, and nothing said
  // The same on the present wire.
  void Store() { Store(wires() - 1); }
  void Reject(const Status& status) { Reject(wires() - 1, status); }
  void Drop() { Drop(wires() - 1); }
  void StoreAll();  // of every wire, oldest first
  // So much time passes that nothing is on its way any more and no id is remembered.
  void WaitOutDeduplication();
  // Somebody else stores a message.
  void StoreForeign();
  // The stream removes the messages from this one to before that one, counted from 0.
  void LetGo(size_t first, size_t end);
  size_t length() const { return stream_.size(); }  // of the stream, with what it has let go of
  // The stream is deleted and made again.
  void Recreate();

  void FinishOpening();
  // The connection breaks: no reply comes back any more; the last `lost` messages never arrive.
  void Close(size_t lost = 0);
  // The sender has died.  Its replies go nowhere; what is on the wires may still be stored.
  void Forget();

  // The replies under way, for the test to lose, repeat and reorder.
  std::deque<Reply>& replies() { return replies_; }

  size_t wires() const { return wires_.size(); }
  size_t waiting(size_t wire) const { return wires_[wire].messages.size(); }
  size_t waiting() const { return waiting(wires() - 1); }
  // The id of the oldest message on the present wire.  REQUIRES: it has one.
  const std::string& oldest() const { return wires_.back().messages.front().id; }
  int opens() const { return opens_; }
  // The Nats-Msg-Ids of our messages that the stream has stored, in its order.
  std::vector<std::string> stream() const;
  // Of this stream, or of one that was deleted.
  bool Stores(const std::string& id) const;
  const ResumePoint& from() const { return from_; }  // of the last Open()
  // How often a message was stored though the stream held it.
  int twice() const { return twice_; }
  // How often a message was not stored although later ones of its wire could be.
  int gaps() const { return gaps_; }

 private:
  enum class Heard : uint8_t { kAll, kAcks, kNothing };  // of the replies
  struct Sent {
    uint64_t sequence = 0;
    std::string id;
    Position position;
    bool want_ack = true;
    std::string expected_id;   // of the stream's last message, if chained; else, or ...
    size_t expected_size = 0;  // ... empty: how many messages the stream has
  };
  struct Wire {
    std::deque<Sent> messages;
    Heard heard = Heard::kAll;
    size_t stream_size = 0;  // when it was opened
    std::string last_id;     // sent
  };

  Sent Take(size_t wire);
  Opened Look() const;
  bool IsInStep(const Sent& sent) const;
  bool Holds(const std::string& id) const;
  void LetGo(uint64_t sequence, bool same_stream, StreamContents* contents) const;
  void Answer(const Wire& wire, const Reply& reply, bool want_ack);
  void DropRefusals();

  State state_ = State::kClosed;
  Status status_ = Status::Unavailable("not connected");
  std::vector<Wire> wires_ = std::vector<Wire>(1);
  std::deque<Reply> replies_;
  ResumePoint from_;
  Opened opened_;
  std::vector<std::string> stream_;             // ids; empty: somebody else's
  std::vector<Position> positions_;             // of the messages of the stream
  std::vector<bool> let_go_;                    // the same
  std::map<std::string, uint64_t> remembered_;  // ids, with the place in the stream, from 1
  std::set<std::string> deleted_;               // ids that a deleted stream held
  int incarnation_ = 1;
  int opens_ = 0;
  int gaps_ = 0;
  int twice_ = 0;
};

}  // namespace fraiseql

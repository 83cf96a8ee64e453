// SPDX-License-Identifier: PostgreSQL

// The replies of the server to what Publisher has sent.

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/foreign_text.h"
#include "core/base/number.h"
#include "nats/base/names.h"
#include "nats/publish/publisher.h"

namespace fraiseql::nats {

namespace {

// A stream does not grow by this much between two acknowledgements.
constexpr uint64_t kMaxGrowth = uint64_t{1} << 48;

// Reads "<generation>.<sequence>", and what a batch appends.
struct ReplyAddress {
  uint64_t generation = 0;
  uint64_t sequence = 0;
  bool in_batch = false;
};

bool ReadAddress(std::string_view text, ReplyAddress* address) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return false;
  const size_t end = text.find('.', dot + 1);
  address->in_batch = end != std::string_view::npos;
  return ReadDecimal(text.substr(0, dot), &address->generation) &&
         ReadDecimal(text.substr(dot + 1, end - dot - 1), &address->sequence);
}

}  // namespace

bool Publisher::NextReply(Reply* reply) {
  if (std::exchange(reopens_, false)) {
    *reply = {};
    return reply->needs_resync = true;
  }
  Connection::Delivery delivery;
  while (connection_ && connection_->NextAck(&delivery)) {
    if (Understand(delivery, reply)) return true;
  }
  return false;
}

// False: the delivery is of no interest to the pipeline.
bool Publisher::Understand(const Connection::Delivery& delivery, Reply* reply) {
  *reply = {};
  if (delivery.no_responders) return OnNoAnswerer(reply);
  ReplyAddress address;
  if (!ReadAddress(delivery.address, &address)) return false;
  const bool current = address.generation == generation_;
  const PubAck ack = ParsePubAck(delivery.data);
  if (address.generation == 0) {
    opening_.TakeFenceAnswer(address.sequence, ack);
    TakeOpening();
    return false;
  }
  reply->sequence = address.sequence;
  // Messages of another batch have gone with it; the stream is checked for them.
  if (address.in_batch && (!current || !batches_.on())) return false;
  if (ack.kind == PubAck::Kind::kForeign) return false;
  if (ack.kind == PubAck::Kind::kAbsurd || IsAbsurd(ack)) {
    reply->status =
        Status::Unavailable("the NATS server acknowledges a message at an impossible place of " +
                                StreamNamed(stream_.name),
                            "A proxy on the way may change what the NATS server sends.");
    return current;
  }
  if (address.in_batch && ack.kind != PubAck::Kind::kStored) return OnBatchAnswer(ack, reply);
  if (current && outstanding_ > 0) --outstanding_;
  if (ack.kind == PubAck::Kind::kRefused) return current && OnRefusal(ack.error, reply);
  if (ack.kind != PubAck::Kind::kStored) return false;
  if (ack.stream != stream_.name) {
    reply->status = Status::Invalid("subjects meant for " + StreamNamed(stream_.name) +
                                        " are taken by stream \"" + ForeignText(ack.stream) + "\"",
                                    "Check stream_name and the subjects of both streams.");
    return current;
  }
  if (ack.stream_sequence == 0) {  // a cluster answers so for a message that it is about to store
    reply->status = Status::Unavailable("a message with this id is still being stored");
    return current;
  }
  if (address.in_batch) OnCommitted(ack, reply);
  OnStored(ack, address.generation, reply);
  // How much the stream has grown by a batch says nothing about others: ids may have been skipped.
  if (address.in_batch) NoteEnd();
  return true;
}

// An answer to a message in the present batch.  Once that has failed, no later answer counts.
bool Publisher::OnBatchAnswer(const PubAck& ack, Reply* reply) {
  const uint64_t counted = batches_.SequenceOf(ack.batch_count);
  if (ack.kind == PubAck::Kind::kStoredThrough) {
    if (ack.batch_count == 0) batches_.Begun();
    if (counted == 0) return false;
    outstanding_ = batches_.SentBehind(ack.batch_count);
    reply->sequence = counted;
    return reply->through = true;
  }
  batches_.End();
  const bool has_ended = ack.kind == PubAck::Kind::kBatchGap || ack.error.err_code == kUnknownBatch;
  if (has_ended || ack.error.err_code == kBatchesDisabled) {
    reply->status = Status::Unavailable("the stream has ended the batch of messages");
    return reply->needs_resync = true;
  }
  if (counted != 0) reply->sequence = counted;
  reopens_ = true;
  return OnRefusal(ack.error, reply);
}

// The batch has ended; if a message of it is not stored, the stream has to be opened again.
void Publisher::OnCommitted(const PubAck& ack, Reply* reply) {
  const uint64_t counted = batches_.SequenceOf(ack.batch_count);
  if (!ack.duplicate && counted != 0) {
    reply->sequence = counted;
    reply->through = true;
  }
  outstanding_ = 0;
  if (batches_.Committed(ack.batch_count)) return;
  batches_.End();
  reopens_ = true;
}

bool Publisher::IsAbsurd(const PubAck& ack) const {
  return ack.kind == PubAck::Kind::kStored && ack.stream_sequence > stream_end_ &&
         ack.stream_sequence - stream_end_ > kMaxGrowth;
}

// The reply does not identify the message.  Those of earlier generations arrive before the answers
// to this generation's Open(), because a server handles the messages of a connection in order.
bool Publisher::OnNoAnswerer(Reply* reply) {
  if (outstanding_ == 0) return false;
  --outstanding_;
  reply->status = Status::Unavailable(
      "no stream takes the messages' subjects, or it has no leader at present",
      "Compare the subjects of " + StreamNamed(stream_.name) + " with those of the observers.");
  return true;
}

bool Publisher::OnRefusal(const JetStreamError& error, Reply* reply) {
  reply->status = ToStatus(error, StreamNamed(stream_.name));
  reply->refused = error.err_code != kMessageBeingStored;
  reply->needs_resync = chained() && IsWrongExpectation(error);
  return true;
}

void Publisher::OnStored(const PubAck& ack, uint64_t generation, Reply* reply) {
  const bool current = generation == generation_;
  reply->duplicate = ack.duplicate;
  reply->stream_sequence = ack.stream_sequence;
  reply->late = generation < created_generation_;
  // Messages sent after the opening are stored after the end that it found, unless the stream was
  // recreated or has lost messages.
  const bool astray = current && !ack.duplicate && ack.stream_sequence <= opening_.end().sequence;
  stream_end_ = std::max(stream_end_, ack.stream_sequence);
  if (current && !ack.duplicate) ++stored_since_;
  if (current && !astray) {
    Status asked = purge_.Stored(reply->sequence, ack.stream_sequence, connection_.get(), now_ms_);
    if (!asked.ok()) Close(std::move(asked));
  }
  reply->needs_resync = astray;
  if (!current || chain_.kind() != Chain::Kind::kMessageId) return;
  // The server may report a duplicate without a check of its expectation, so it confirms no other
  // message.
  reply->through = reply->adjacent = !ack.duplicate;
  reply->needs_resync = ack.duplicate || astray;
}

}  // namespace fraiseql::nats

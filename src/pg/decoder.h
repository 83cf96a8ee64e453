// SPDX-License-Identifier: PostgreSQL
#pragma once

// From the changes that logical decoding hands out to messages.  Include after postgres.h.

#include <string>
#include <vector>

#include "core/event.h"
#include "core/logged_message.h"
#include "pg/relation_cache.h"

extern "C" {
#include "replication/logical.h"
#include "replication/reorderbuffer.h"
}

namespace fraiseql::pg {

// Takes the messages of a decoder, in log order: the worker's pipeline, or the rows of messages().
class MessageReceiver {
 public:
  virtual ~MessageReceiver() = default;
  // An empty message to fill.  May wait for room, and may raise while it does.
  virtual Message* Add() = 0;
  // The message that Add() gave out is complete.
  virtual void Seal() = 0;
  // Everything up to `end_lsn` has been handed over.
  virtual void EndTransaction(XLogRecPtr end_lsn) = 0;
  // The message that Add() gave out cannot be published, for this reason.
  virtual void Refuse(const Status& reason) = 0;
  // Called now and then within a transaction, which may be a large one; may raise.
  virtual void Breathe() = 0;
};

// The callbacks of our output plugin, behind their C shells.  Lives in a memory context (see
// NewInContext) or as long as the process; every function may raise.
class Decoder {
 public:
  // `receiver` is not owned.  `context` must outlive the decoder.
  Decoder(const Origin& origin, MessageReceiver* receiver, MemoryContext context);

  // Row changes without a subject of their own go to this prefix from now on.
  void SetSubjectPrefix(const char* prefix) { origin_.subject_prefix = prefix; }

  void Begin(ReorderBufferTXN* txn);
  void OnChange(::Relation relation, ReorderBufferChange* change);
  void OnTruncate(int count, ::Relation relations[]);
  void OnMessage(bool transactional, const char* prefix, size_t size, const char* body);
  void Commit(ReorderBufferTXN* txn);

  // Commit time of the last transaction that was begun; 0 before the first.
  TimestampTz last_commit_time() const { return last_commit_time_; }

 private:
  void ReadRow(const CachedRelation& entry, ::Relation relation, HeapTuple tuple, bool key_only,
               RowImage* row);
  void CountChange();
  bool ToldByAnother(const Route& route, int count, ::Relation relations[]) const;
  void Publish(const Route& route, Position* position);
  void PublishLogged(const LoggedMessage& logged);

  Origin origin_;
  MessageReceiver* const receiver_;
  RelationCache relations_;
  MemoryContext scratch_;  // what one change needs; reset for each
  Change change_;
  TransactionHeaders transaction_;
  std::vector<Datum> values_;
  bool nulls_[MaxHeapAttributeNumber];
  TimestampTz last_commit_time_ = 0;
};

// Makes `decoder` the receiver of the callbacks of a decoding context that was made for our plugin.
void AttachDecoder(LogicalDecodingContext* context, Decoder* decoder);

// The name of the library and plugin: what slots of ours carry.
constexpr char kPluginName[] = "fraiseql_nats";

// Newer minor releases only load output plugins that an administrator has listed in
// output_plugin_libraries.  Allows ours for this process (or, with `nest_level`, until the end of
// the current GUC nest level) without widening what others may do.
void AllowOwnPlugin(bool nest_level);

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
#pragma once

// Turns the changes that logical decoding delivers into messages.  Include after postgres.h.

#include <string>
#include <utility>
#include <vector>

#include "core/format/event.h"
#include "core/format/logged_message.h"
#include "core/pipeline/message_receiver.h"
#include "core/pipeline/notification_set.h"
#include "core/pipeline/transaction_buffer.h"
#include "pg/decode/relation_cache.h"
#include "pg/decode/route_test.h"
#include "pg/decode/row_reader.h"
#include "pg/decode/withheld_changes.h"

extern "C" {
#include "replication/logical.h"
#include "replication/reorderbuffer.h"
}

namespace fraiseql::pg {

// The callbacks of our output plugin, called by the C functions in output_plugin.cpp.  Lives in a
// memory context (see NewInContext) or as long as the process; every function may raise.
class Decoder {
 public:
  // `receiver` and `counted` (null: observers are not counted) are not owned.  `context` must
  // outlive the decoder.
  Decoder(const Origin& origin, MessageReceiver* receiver, MemoryContext context,
          const Isolation& isolation, CountedObservers* counted = nullptr);

  // Applies the settings that affect messages, from now on.
  void ApplySettings();

  void Begin(LogicalDecodingContext* context, ReorderBufferTXN* txn);
  void OnChange(::Relation relation, ReorderBufferChange* change);
  void OnTruncate(int count, ::Relation relations[]);
  void OnMessage(bool transactional, const char* prefix, size_t size, const char* body);
  void Commit(ReorderBufferTXN* txn);

  // Whether nothing of the last transaction was passed on, because changes of it were skipped that
  // have an observer after all: it has to be decoded again.  Says so once.
  bool TakeLack() { return std::exchange(lacks_changes_, false); }

  // Logs how many changes of restores were not published, from time to time.
  void ReportWithheld() { withheld_.Report(); }

  TransactionFilter& filter() { return relations_.filter(); }

  // How many changes were not published because an observer's condition could not be evaluated.
  uint64_t untestable() const { return test_.untestable(); }

 private:
  void CountChange();
  bool Wants(const Route& route, Operation operation) const;
  bool WantsOperation(const CachedRelation& entry, Operation operation);
  const CachedRelation* Find(::Relation relation);
  void SetAside(::Relation relation, const char* error);
  void RowChanged(::Relation relation, HeapTuple old_tuple, HeapTuple new_tuple,
                  std::string_view only);
  void Snapshot(const LoggedMessage& logged);
  bool CoveredByAnother(const Route& route, int count, ::Relation relations[]) const;
  void PublishState(const CachedRelation& entry, size_t index, Position* position);
  void Publish(const Route& route, Position* position);
  const RowReader::Failure* FindFailure(const Route& route) const;
  Status CheckWhole(const Route& route, Message* message) const;
  void PublishLogged(const LoggedMessage& logged);
  void Notify(const LoggedMessage& logged);
  void Finish(const Status& status);

  Origin origin_;
  MessageReceiver* const receiver_;
  TransactionBuffer buffer_;
  NotificationSet notifications_;  // of the transaction
  RelationCache relations_;
  Isolation isolation_;
  RouteTest test_;
  RowReader rows_;
  MemoryContext scratch_;  // memory for one change; reset after each
  Change change_;
  TransactionHeaders transaction_;
  TimestampTz last_commit_time_ = 0;
  bool is_local_ = true;   // the transaction was not replicated from another server
  bool restores_ = false;  // the following rows are loaded from a dump
  bool lacks_changes_ = false;
  WithheldChanges withheld_;
};

// Makes `decoder` receive the callbacks of a decoding context of our plugin.
void AttachDecoder(LogicalDecodingContext* context, Decoder* decoder);

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "utils/memutils.h"
#include "replication/origin.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
}

#include "pg/base/compat.h"
#include "core/format/format_kv.h"
#include "pg/decode/decoder.h"
#include "pg/settings/gucs.h"
#include "pg/decode/logged_tuple.h"
#include "pg/base/server_text.h"
#include "pg/base/unix_time.h"

namespace fraiseql::pg {

namespace {

constexpr uint64_t kChangesPerBreath = 256;  // a power of two

constexpr char kUnencodedHint[] =
    "Correct the value, or leave the column out of the observer; publish the row by a backfill or "
    "with fraiseql_nats.publish(), and discard the dead letter. If it blocks, set "
    "\"fraiseql_nats.on_error\" to \"dead_letter\" first.";

// False for actions that are not published: the rows of an aborted speculative insertion never
// arrive here, and a tuple has one of three actions.
bool OperationOf(const ReorderBufferChange* change, Operation* operation) {
  switch (change->action) {
    case REORDER_BUFFER_CHANGE_INSERT:
      *operation = Operation::kInsert;
      return true;
    case REORDER_BUFFER_CHANGE_UPDATE:
      *operation = Operation::kUpdate;
      return true;
    case REORDER_BUFFER_CHANGE_DELETE:
      *operation = Operation::kDelete;
      return true;
    default:
      return false;
  }
}

// Argument and result of Isolation::Try().
struct Lookup {
  RelationCache* cache;
  ::Relation relation;
  const CachedRelation* found;
};

}  // namespace

Decoder::Decoder(const Origin& origin, MessageReceiver* receiver, MemoryContext context,
                 const Isolation& isolation, CountedObservers* counted)
    : origin_(origin),
      receiver_(receiver),
      buffer_(receiver),
      relations_(context, origin.stream, counted),
      isolation_(isolation),
      test_(&isolation_),
      rows_(&isolation_),
      scratch_(AllocSetContextCreate(context, "fraiseql_nats change", ALLOCSET_DEFAULT_SIZES)) {
  ApplySettings();
}

void Decoder::Begin(LogicalDecodingContext* context, ReorderBufferTXN* txn) {
  change_.position = {};
  change_.position.commit_lsn = txn->final_lsn;
  isolation_.BeginChange(change_.position);
  const MemoryContext old = MemoryContextSwitchTo(scratch_);
  relations_.BeginTransaction(context, txn, &isolation_);
  lacks_changes_ = relations_.LacksChanges(&isolation_);
  MemoryContextSwitchTo(old);
  MemoryContextReset(scratch_);
  if (lacks_changes_) return;
  change_.position.ordinal = filter().skipped().count;
  for (const std::string& error : relations_.unreadable()) {
    receiver_->Report(
        Status::Invalid("an observer cannot be read, and publishes nothing: " + error,
                        "Remove it with fraiseql_nats.unobserve(), and create it again."));
  }
  is_local_ = txn->origin_id == kNoOrigin;
  restores_ = false;
  last_commit_time_ = CommitTime(txn);
  change_.commit_time_us = ToUnixUs(last_commit_time_);
  transaction_.Begin(txn->xid, change_.commit_time_us);
  receiver_->BeginTransaction(txn->xid);
  buffer_.Begin();
  notifications_.Clear();
}

// An observer of INSERT also gets the rows of a backfill.
bool Decoder::Wants(const Route& route, Operation operation) const {
  const Operation asked_for = operation == Operation::kSnapshot ? Operation::kInsert : operation;
  return (route.observer->operations & SetOf(asked_for)) != 0 &&
         (is_local_ || !route.observer->local_only);
}

// Rows that are loaded from a dump are not published.
bool Decoder::WantsOperation(const CachedRelation& entry, Operation operation) {
  const bool wanted = std::any_of(entry.routes.begin(), entry.routes.end(),
                                  [=](const Route& route) { return Wants(route, operation); });
  if (!wanted || !restores_ || operation == Operation::kSnapshot) return wanted;
  withheld_.Count();
  return false;
}

// Counts every change, observed or not, so that ordinals do not depend on observers.
void Decoder::CountChange() {
  ++change_.position.ordinal;
  isolation_.BeginChange(change_.position);
  if ((change_.position.ordinal & (kChangesPerBreath - 1)) == 0) receiver_->Yield();
}

// Null if the lookup of the table fails: its change becomes a dead letter.
const CachedRelation* Decoder::Find(::Relation relation) {
  if (!isolation_.on()) return relations_.Find(relation);
  Lookup lookup{&relations_, relation, nullptr};
  const char* error = isolation_.Try(
      [](void* argument) {
        auto* self = static_cast<Lookup*>(argument);
        self->found = self->cache->Find(self->relation);
      },
      &lookup);
  if (error == nullptr) return lookup.found;
  relations_.Forget(relation);
  SetAside(relation, error);
  return nullptr;
}

// Stores the change as one dead letter, since the observers of the table are not known.
void Decoder::SetAside(::Relation relation, const char* error) {
  Message* message = buffer_.Add(TransactionBuffer::Kind::kPlain, {});
  message->position = change_.position;
  message->commit_time_us = change_.commit_time_us;
  const std::string table = ToUtf8Anyhow(RelationGetRelationName(relation));
  message->subject.append(origin_.subject_prefix).push_back('.');
  AppendSubjectToken(EntityOfTable(table), &message->subject);
  message->subject.append(".").append(OperationName(change_.operation));
  AddCommonHeaders(origin_, transaction_, {}, message);
  message->headers.append("Fraiseql-Unencoded: *\r\n");
  buffer_.Reject(
      Status::Rejected("table \"" + table + "\" cannot be decoded: " + error, kUnencodedHint));
}

void Decoder::OnChange(::Relation relation, ReorderBufferChange* change) {
  if (lacks_changes_) return;
  CountChange();
  if (!OperationOf(change, &change_.operation)) return;
  const MemoryContext old = MemoryContextSwitchTo(scratch_);
  RowChanged(relation, OldTuple(change), NewTuple(change), {});
  MemoryContextSwitchTo(old);
  MemoryContextReset(scratch_);
}

// `only`: the name of the one observer that gets the change; empty: all of them.
void Decoder::RowChanged(::Relation relation, HeapTuple old_tuple, HeapTuple new_tuple,
                         std::string_view only) {
  const CachedRelation* entry = Find(relation);
  if (entry == nullptr || !WantsOperation(*entry, change_.operation)) return;
  change_.relation = &entry->relation;
  change_.has_old_row = old_tuple != nullptr;
  rows_.BeginChange();
  rows_.Read(*entry, relation, old_tuple, !entry->full_identity, nullptr, &change_.old_row);
  rows_.Read(*entry, relation, new_tuple, false, change_.has_old_row ? &change_.old_row : nullptr,
             &change_.new_row);
  if (entry->tested_rows != nullptr) {
    LoadRows(*entry->tested_rows, relation, change_, old_tuple, new_tuple);
  }
  Position position = change_.position;
  for (size_t i = 0; i < entry->routes.size(); ++i) {
    const Route& route = entry->routes[i];
    if (!only.empty() && route.observer->name != only) continue;
    if (!Wants(route, change_.operation)) continue;
    if (FormatOf(*route.observer).of_buckets()) {
      PublishState(*entry, i, &position);
    } else if (test_.Takes(*entry, i, change_, rows_)) {
      Publish(route, &position);
    }
  }
}

// Publishes to a bucket what the row is now: there, or, if it does not match the filter any more,
// deleted.  An update that changes the key also deletes the old one.
void Decoder::PublishState(const CachedRelation& entry, size_t index, Position* position) {
  const Route& route = entry.routes[index];
  const Operation operation = change_.operation;
  test_.Clear();
  const bool exists = operation != Operation::kDelete && test_.Takes(entry, index, change_, rows_);
  if (!exists && operation == Operation::kInsert) return;
  if (!exists || IsKeyChanged(change_)) {
    change_.operation = Operation::kDelete;
    Publish(route, position);
    change_.operation = operation;
  }
  if (exists) Publish(route, position);
}

// The backfill held a lock on the table from before it read the row until its commit, so the
// table's definition at this place of the log fits the row, whatever has changed since.
void Decoder::Snapshot(const LoggedMessage& logged) {
  const MemoryContext old = MemoryContextSwitchTo(scratch_);
  ::Relation relation = RelationIdGetRelation(logged.relation);
  HeapTuple tuple = RelationIsValid(relation) ? TupleFromLog(relation, logged.tuple) : nullptr;
  if (tuple != nullptr) {
    change_.operation = Operation::kSnapshot;
    RowChanged(relation, nullptr, tuple, logged.observer);
  } else if (RelationIsValid(relation)) {
    receiver_->Report(Status::Invalid("row of a backfill in the log does not fit its table"));
  } else {
    ereport(LOG, (errmsg("table of a row of a backfill does not exist"),
                  errdetail("There is no table with OID %u at this position of the log.",
                            logged.relation)));
  }
  if (RelationIsValid(relation)) RelationClose(relation);
  MemoryContextSwitchTo(old);
  MemoryContextReset(scratch_);
}

// TRUNCATE of a partitioned table logs its partitions as well: an observer of the partitioned table
// gets one message.
bool Decoder::CoveredByAnother(const Route& route, int count, ::Relation relations[]) const {
  for (int i = 0; i < count; ++i) {
    const Oid oid = RelationGetRelid(relations[i]);
    if (oid == route.observer->relation && oid != change_.relation->id) return true;
  }
  return false;
}

void Decoder::OnTruncate(int count, ::Relation relations[]) {
  if (lacks_changes_) return;
  const MemoryContext old = MemoryContextSwitchTo(scratch_);
  rows_.BeginChange();
  test_.Clear();
  for (int i = 0; i < count; ++i) {
    CountChange();  // each table of the statement is a change of its own
    change_.operation = Operation::kTruncate;
    const CachedRelation* entry = Find(relations[i]);
    if (entry == nullptr || !WantsOperation(*entry, Operation::kTruncate)) continue;
    change_.relation = &entry->relation;
    change_.has_old_row = false;
    Position position = change_.position;
    for (const Route& route : entry->routes) {
      if (Wants(route, Operation::kTruncate) && !CoveredByAnother(route, count, relations)) {
        Publish(route, &position);
      }
    }
  }
  MemoryContextSwitchTo(old);
  MemoryContextReset(scratch_);
}

void Decoder::OnMessage(bool transactional, const char* prefix, size_t size, const char* body) {
  if (!transactional || lacks_changes_) return;  // ours are transactional
  CountChange();
  const std::string& own_prefix = relations_.message_prefix();
  if (own_prefix.empty() || own_prefix != prefix) return;
  LoggedMessage logged;
  if (const Status status = ParseLoggedMessage({body, size}, &logged); !status.ok()) {
    receiver_->Report(Status::Invalid(status.message() + ", and is not published",
                                      "It was not written by this version of the extension."));
    return;
  }
  switch (logged.kind) {
    case LoggedKind::kPublish:
    case LoggedKind::kRetry:
      PublishLogged(logged);
      break;
    case LoggedKind::kNotify:
      Notify(logged);
      break;
    case LoggedKind::kTrace:
      transaction_.SetTraceparent(logged.traceparent);
      break;
    case LoggedKind::kSnapshot:
      Snapshot(logged);
      break;
    case LoggedKind::kRestore:
      restores_ = true;
      break;
  }
}

void Decoder::Commit(ReorderBufferTXN* txn) {
  if (lacks_changes_) return;
  if (buffer_.overflowed()) {
    ereport(LOG, (errmsg("transaction %u is too large for its notifications to replace row events",
                         txn->xid),
                  errhint("Increase \"fraiseql_nats.transaction_buffer\".")));
  }
  withheld_.Report();
  isolation_.EndTransaction();
  buffer_.End(txn->end_lsn);
}

void Decoder::Publish(const Route& route, Position* position) {
  const Position place = *position;
  ++position->route;
  const bool replaceable =
      route.observer->source == Source::kAuto && change_.operation != Operation::kSnapshot;
  Message* message = buffer_.Add(
      replaceable ? TransactionBuffer::Kind::kTopicRow : TransactionBuffer::Kind::kPlain,
      route.observer->topic);
  if (message == nullptr) return;
  message->position = place;
  Status status = BuildEvent(origin_, transaction_, route, change_, message);
  if (!rows_.failures().empty()) {
    // A value that cannot be encoded is the reason to report, even if others follow from it.
    const Status whole = CheckWhole(route, message);
    if (!whole.ok()) status = whole;
  }
  if (status.ok()) status = test_.failure();
  Finish(status);
}

// A failure of a column that the message of a route needs, or null.
const RowReader::Failure* Decoder::FindFailure(const Route& route) const {
  for (const RowReader::Failure& failure : rows_.failures()) {
    if (route.include[failure.column]) return &failure;
  }
  const ::fraiseql::Relation& table = *change_.relation;
  const RowReader::Failure* found = rows_.FindFailure(table, route.observer->condition.columns());
  return found != nullptr ? found : rows_.FindFailure(table, route.observer->subject.columns());
}

// kRejected if the message lacks a value that could not be encoded.  A header says so, so that no
// reader takes the message for complete.
Status Decoder::CheckWhole(const Route& route, Message* message) const {
  const RowReader::Failure* failure = FindFailure(route);
  if (failure == nullptr) return Status::Ok();
  const ::fraiseql::Relation& table = *change_.relation;
  const std::string& column = table.columns[failure->column].name;
  message->headers.append("Fraiseql-Unencoded: ");
  AppendHeaderValue(column, &message->headers);
  message->headers.append("\r\n");
  return Status::Rejected("column \"" + column + "\" of table \"" + table.schema + "." +
                              table.table + "\" cannot be encoded: " + failure->reason,
                          kUnencodedHint);
}

void Decoder::PublishLogged(const LoggedMessage& logged) {
  if (logged.stream != origin_.stream) return;
  Message* message = buffer_.Add(TransactionBuffer::Kind::kPlain, {});
  message->position = change_.position;
  message->commit_time_us = change_.commit_time_us;
  message->subject.assign(logged.subject);
  if (logged.kind == LoggedKind::kRetry) {
    // The same message, with its original headers, at another position.
    message->attempts = logged.attempts;
    AddIdentity(origin_, logged.message_id, message);
  } else {
    AddCommonHeaders(origin_, transaction_, logged.message_id, message);
  }
  message->headers.append(logged.headers);
  message->payload.assign(logged.payload);
  buffer_.Seal();
}

void Decoder::Notify(const LoggedMessage& logged) {
  // Like NOTIFY: the same payload on the same channel in one transaction is one notification.
  if (!notifications_.Insert(logged.channel, logged.payload)) return;
  Position position = change_.position;
  for (const Observer* observer : relations_.FindChannel(logged.channel)) {
    Message* message =
        buffer_.Add(TransactionBuffer::Kind::kNotification,
                    observer->topic.empty() ? logged.channel : std::string_view(observer->topic));
    message->position = position;
    message->commit_time_us = change_.commit_time_us;
    ++position.route;
    Finish(BuildNotification(origin_, transaction_, *observer, logged.channel, logged.payload, {},
                             message));
  }
}

void Decoder::Finish(const Status& status) {
  if (status.ok()) {
    buffer_.Seal();
  } else {
    buffer_.Reject(status);
  }
}

void Decoder::ApplySettings() {
  origin_.subject_prefix = settings.subject_prefix;
  origin_.topic_prefix = settings.topic_prefix;
  origin_.own_id_header = settings.message_id_header == kIdInFraiseqlId;
  origin_.notify_enrich = settings.notify_enrich;
  buffer_.SetLimits(static_cast<size_t>(settings.transaction_buffer),
                    static_cast<size_t>(settings.window_kb) * 1024);
}

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
}

#include "pg/compat.h"
#include "pg/decoder.h"
#include "pg/gucs.h"
#include "pg/unix_time.h"

namespace fraiseql::pg {

namespace {

constexpr uint64_t kChangesPerBreath = 256;  // a power of two

constexpr char kUnencodedHint[] =
    "Correct the value, or leave the column out of the observer; publish the row by a backfill or "
    "with fraiseql_nats.publish(), and discard the dead letter. If it blocks, set "
    "\"fraiseql_nats.on_error\" to \"dead_letter\" first.";

// False for what is not published: the rows of a speculative insertion that was given up never get
// here, and the action of a tuple is one of three.
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

// Whoever wants to know of new rows wants to know of those that were there before.
bool Wants(const Route& route, Operation operation) {
  const Operation asked_for = operation == Operation::kSnapshot ? Operation::kInsert : operation;
  return (route.observer->operations & SetOf(asked_for)) != 0;
}

// The bytes of a tuple as one that can be read: they lie anywhere in the log.  In the current
// memory context.
HeapTuple TupleOf(Oid relation, std::string_view bytes) {
  Assert(bytes.size() >= SizeofHeapTupleHeader);
  auto* tuple = static_cast<HeapTuple>(palloc0(HEAPTUPLESIZE + bytes.size()));
  tuple->t_len = static_cast<uint32>(bytes.size());
  tuple->t_tableOid = relation;
  ItemPointerSetInvalid(&tuple->t_self);
  tuple->t_data = reinterpret_cast<HeapTupleHeader>(reinterpret_cast<char*>(tuple) + HEAPTUPLESIZE);
  memcpy(tuple->t_data, bytes.data(), bytes.size());
  return tuple;
}

bool WantsOperation(const CachedRelation& entry, Operation operation) {
  return std::any_of(entry.routes.begin(), entry.routes.end(),
                     [=](const Route& route) { return Wants(route, operation); });
}

}  // namespace

Decoder::Decoder(const Origin& origin, MessageReceiver* receiver, MemoryContext context,
                 int64_t careful_rows)
    : origin_(origin),
      receiver_(receiver),
      buffer_(receiver),
      relations_(context),
      rows_(careful_rows),
      scratch_(AllocSetContextCreate(context, "fraiseql_nats change", ALLOCSET_DEFAULT_SIZES)) {
  ApplySettings();
}

void Decoder::Begin(LogicalDecodingContext* context, ReorderBufferTXN* txn) {
  const MemoryContext old = MemoryContextSwitchTo(scratch_);
  relations_.BeginTransaction(context, txn);
  MemoryContextSwitchTo(old);
  MemoryContextReset(scratch_);
  last_commit_time_ = CommitTime(txn);
  change_.position = {};
  change_.position.commit_lsn = txn->final_lsn;
  change_.commit_time_us = last_commit_time_ + kPostgresToUnixUs;
  transaction_.Begin(txn->xid, change_.commit_time_us);
  buffer_.Begin();
  notifications_.Clear();
}

// Every change counts, observed or not, so that the ordinal of one never depends on observers.
void Decoder::CountChange() {
  if ((++change_.position.ordinal & (kChangesPerBreath - 1)) == 0) receiver_->Breathe();
}

void Decoder::OnChange(::Relation relation, ReorderBufferChange* change) {
  CountChange();
  if (!OperationOf(change, &change_.operation)) return;
  const MemoryContext old = MemoryContextSwitchTo(scratch_);
  RowChanged(relation, OldTuple(change), NewTuple(change), {});
  MemoryContextSwitchTo(old);
  MemoryContextReset(scratch_);
}

// `only`: the name of the one observer that is told; empty: all of them.
void Decoder::RowChanged(::Relation relation, HeapTuple old_tuple, HeapTuple new_tuple,
                         std::string_view only) {
  const CachedRelation* entry = relations_.Find(relation);
  if (!WantsOperation(*entry, change_.operation)) return;
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
    if (Wants(route, change_.operation) && Meets(*entry, i)) Publish(route, &position);
  }
}

// The chunk held a lock on the table from before it read the row until its commit: so the table has
// the same shape here as it had there, whatever has become of it since.
void Decoder::Snapshot(const LoggedMessage& logged) {
  const MemoryContext old = MemoryContextSwitchTo(scratch_);
  ::Relation relation = RelationIdGetRelation(logged.relation);
  if (RelationIsValid(relation)) {
    change_.operation = Operation::kSnapshot;
    RowChanged(relation, nullptr, TupleOf(logged.relation, logged.tuple), logged.observer);
    RelationClose(relation);
  } else {
    ereport(LOG, (errmsg("row of a backfill belongs to no table"),
                  errdetail("There is no table with OID %u at this place of the log.",
                            logged.relation)));
  }
  MemoryContextSwitchTo(old);
  MemoryContextReset(scratch_);
}

// A change of which it cannot be said whether it meets the condition is not published; the log says
// so, once for an observer.
bool Decoder::Meets(const CachedRelation& entry, size_t route) {
  const Observer& observer = *entry.routes[route].observer;
  bool holds = true;
  if (const RowTest* test = entry.tests[route]; test != nullptr) {
    const char* trouble = Evaluate(*test, *entry.tested_rows, change_, &holds);
    if (trouble != nullptr) TellUntestable(observer, "\"when\"", trouble, "");
  }
  if (!holds || observer.condition.empty()) return holds;
  const Status status = observer.condition.Evaluate(change_, &holds);
  if (status.ok()) return holds;
  if (FindFailure(observer.condition.columns()) != nullptr) return true;  // Publish() refuses it
  TellUntestable(observer, "condition", status.message().c_str(), status.hint().c_str());
  return false;
}

void Decoder::TellUntestable(const Observer& observer, const char* what, const char* reason,
                             const char* hint) {
  if (untestable_ == observer.name) return;
  untestable_ = observer.name;
  ereport(
      LOG,
      (errmsg("%s of observer \"%s\" cannot be tested: %s", what, observer.name.c_str(), reason),
       errdetail("Such changes are not published."), hint[0] == '\0' ? 0 : errhint("%s", hint)));
}

// TRUNCATE of a partitioned table names its partitions as well: whoever observes the partitioned
// table is told once.
bool Decoder::ToldByAnother(const Route& route, int count, ::Relation relations[]) const {
  for (int i = 0; i < count; ++i) {
    const Oid oid = RelationGetRelid(relations[i]);
    if (oid == route.observer->relation && oid != change_.relation->id) return true;
  }
  return false;
}

void Decoder::OnTruncate(int count, ::Relation relations[]) {
  const MemoryContext old = MemoryContextSwitchTo(scratch_);
  rows_.BeginChange();
  for (int i = 0; i < count; ++i) {
    CountChange();  // each table of the statement is a change of its own
    const CachedRelation* entry = relations_.Find(relations[i]);
    change_.operation = Operation::kTruncate;
    change_.relation = &entry->relation;
    change_.has_old_row = false;
    Position position = change_.position;
    for (const Route& route : entry->routes) {
      if (Wants(route, Operation::kTruncate) && !ToldByAnother(route, count, relations)) {
        Publish(route, &position);
      }
    }
  }
  MemoryContextSwitchTo(old);
  MemoryContextReset(scratch_);
}

void Decoder::OnMessage(bool transactional, const char* prefix, size_t size, const char* body) {
  if (!transactional) return;  // not part of a transaction: nothing of ours
  CountChange();
  const std::string& own_prefix = relations_.message_prefix();
  if (own_prefix.empty() || own_prefix != prefix) return;
  LoggedMessage logged;
  if (!ParseLoggedMessage({body, size}, &logged).ok()) return;
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
  }
}

void Decoder::Commit(ReorderBufferTXN* txn) {
  if (buffer_.overflowed()) {
    ereport(LOG, (errmsg("transaction %u is too large for its notifications to replace row events",
                         txn->xid),
                  errhint("Increase \"fraiseql_nats.transaction_buffer\".")));
  }
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
  if (status.ok() && !rows_.failures().empty()) status = CheckWhole(route, message);
  Finish(status);
}

// One that has to do with these columns, or null.
const RowReader::Failure* Decoder::FindFailure(const std::vector<std::string>& columns) const {
  for (const RowReader::Failure& failure : rows_.failures()) {
    const std::string& name = change_.relation->columns[failure.column].name;
    if (std::find(columns.begin(), columns.end(), name) != columns.end()) return &failure;
  }
  return nullptr;
}

// One that the message of a route suffers from, or null.
const RowReader::Failure* Decoder::FindFailure(const Route& route) const {
  for (const RowReader::Failure& failure : rows_.failures()) {
    if (route.include[failure.column]) return &failure;
    if (change_.relation->columns[failure.column].is_key) return &failure;
  }
  const RowReader::Failure* found = FindFailure(route.observer->condition.columns());
  return found != nullptr ? found : FindFailure(route.observer->subject.columns());
}

// kRejected if the message lacks a value that could not be encoded.  A header says so, lest anybody
// take it for the whole.
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
  Message* message = buffer_.Add(TransactionBuffer::Kind::kPlain, {});
  message->position = change_.position;
  message->commit_time_us = change_.commit_time_us;
  message->subject.assign(logged.subject);
  if (logged.kind == LoggedKind::kRetry) {
    // The same message, with all it says of the transaction that it is about, in another place.
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
  // As NOTIFY does: the same payload on the same channel in one transaction is one notification.
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
    buffer_.Refuse(status);
  }
}

void Decoder::ApplySettings() {
  origin_.subject_prefix = settings.subject_prefix;
  origin_.topic_prefix = settings.topic_prefix;
  origin_.notify_enrich = settings.notify_enrich;
  buffer_.SetLimits(static_cast<size_t>(settings.transaction_buffer),
                    static_cast<size_t>(settings.window_kb) * 1024);
}

}  // namespace fraiseql::pg

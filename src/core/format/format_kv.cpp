// SPDX-License-Identifier: PostgreSQL
#include "core/format/format_kv.h"

#include "core/format/row_json.h"
#include "core/format/row_schema.h"
#include "core/route/bucket.h"

namespace fraiseql {

namespace {

using State = RowImage::State;

// A deleted row is the old one, but of an update whose row does not match the filter any more only
// the new one may be known.
const RowImage& KeyRow(const Change& change) {
  const bool is_old = change.operation == Operation::kDelete && change.has_old_row;
  return is_old ? change.old_row : change.new_row;
}

}  // namespace

void AppendKvPayload(const RowEvent& event, std::string* out) {
  const Operation operation = event.change.operation;
  if (operation == Operation::kDelete || operation == Operation::kTruncate) return;
  AppendRow(event.route, *event.change.relation, &event.change.new_row, out);
}

// An UPDATE is a whole row, or none.
void AppendKvSchema(const SchemaInput& input, std::string* out) {
  const Operation operation = input.operation;
  if (operation == Operation::kDelete || operation == Operation::kTruncate) return;
  AppendSchemaOfRow({input.route, input.relation, Operation::kSnapshot, input.columns}, out);
}

const std::string* AppendKvSubject(const Route& route, const Change& change, std::string* out) {
  const std::string_view bucket = BucketOfStream(route.observer->stream);
  if (change.operation != Operation::kTruncate) {
    return AppendKeySubject(bucket, *change.relation, KeyRow(change), out);
  }
  AppendBucketSubject(bucket, kTruncateKey, out);
  return nullptr;
}

void AppendKvHeaders(const Change& change, std::string* out) {
  if (change.operation == Operation::kDelete) {
    out->append("KV-Operation: DEL\r\n");
  } else if (change.operation == Operation::kTruncate) {
    out->append("KV-Operation: PURGE\r\n");
  } else {
    out->append("Content-Type: application/json\r\n");
  }
}

Status CheckKv(const Route& route, const Change& change) {
  if (change.operation == Operation::kTruncate) {
    if (change.relation->id == route.observer->relation) return Status::Ok();
    return Status::Rejected(
        "TRUNCATE of a partition does not say which keys of the bucket are gone",
        "Delete the rows instead, or TRUNCATE the partitioned table, and backfill it.");
  }
  if (change.operation == Operation::kDelete) return Status::Ok();
  const RowImage& row = change.new_row;
  for (size_t i = 0; i < row.size(); ++i) {
    if (!route.include[i] || row.state(i) != State::kUnchanged) continue;
    return Status::Rejected("the value of column \"" + change.relation->columns[i].name +
                                "\" is not in the log, since the update left it as it was",
                            "Set REPLICA IDENTITY FULL on the table, or leave the column out of "
                            "the observer; publish the row by a backfill.");
  }
  return Status::Ok();
}

bool IsKeyChanged(const Change& change) {
  if (change.operation != Operation::kUpdate || !change.has_old_row) return false;
  for (const int column : change.relation->key) {
    const auto i = static_cast<size_t>(column);
    const RowImage& old_row = change.old_row;
    const RowImage& new_row = change.new_row;
    const bool both_known =
        old_row.state(i) == State::kPresent && new_row.state(i) == State::kPresent;
    if (both_known && old_row.json(i) != new_row.json(i)) return true;
  }
  return false;
}

}  // namespace fraiseql

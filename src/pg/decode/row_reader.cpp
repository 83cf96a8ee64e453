// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

extern "C" {
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "utils/rel.h"
}

#include "core/change/message.h"
#include "pg/decode/row_reader.h"

namespace fraiseql::pg {

namespace {

// A TOAST value that the UPDATE did not change.  It must not be read: its TOAST table may be newer
// than the log.
bool IsLeftOut(TupleDesc desc, int index, Datum value) {
  return TupleDescAttr(desc, index)->attlen == -1 &&
         VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value));
}

// The uncompressed size.
size_t ValueBytes(TupleDesc desc, int index, Datum value) {
  return TupleDescAttr(desc, index)->attlen == -1 ? toast_raw_datum_size(value) : 0;
}

}  // namespace

void RowReader::Read(const CachedRelation& entry, ::Relation relation, HeapTuple tuple,
                     bool key_only, const RowImage* old_row, RowImage* row) {
  row->Reset(entry.attributes.size());
  if (tuple == nullptr) return;
  entry_ = &entry;
  desc_ = RelationGetDescr(relation);
  key_only_ = key_only;
  old_row_ = old_row;
  row_ = row;
  column_ = 0;
  values_.resize(static_cast<size_t>(desc_->natts));
  heap_deform_tuple(tuple, desc_, values_.data(), nulls_);
  // Without isolation this runs once; with it, once more for each value that cannot be encoded.
  for (const char* error; (error = isolation_->Try(ReadColumns, this)) != nullptr; ++column_) {
    row_->Failed(column_);
    failures_.push_back({column_, error});
  }
}

const RowReader::Failure* RowReader::FindFailure(const ::fraiseql::Relation& table,
                                                 const std::vector<std::string>& columns) const {
  for (const Failure& failure : failures_) {
    const std::string& name = table.columns[failure.column].name;
    if (std::find(columns.begin(), columns.end(), name) != columns.end()) return &failure;
  }
  return nullptr;
}

// Reads the columns from column_ on, which is where an error has stopped.
void RowReader::ReadColumns(void* argument) {
  auto* self = static_cast<RowReader*>(argument);
  const std::vector<CachedRelation::Attribute>& attributes = self->entry_->attributes;
  const TupleDesc desc = self->desc_;
  const bool key_only = self->key_only_;
  RowImage* const row = self->row_;
  for (size_t i = self->column_; i < attributes.size(); ++i) {
    const CachedRelation::Attribute& attribute = attributes[i];
    const int index = attribute.index;
    if (key_only && !attribute.is_key) continue;  // null in the tuple because it is not logged
    const Datum value = self->values_[static_cast<size_t>(index)];
    if (self->nulls_[index]) {
      row->text()->append("null");
      row->Present(i);
    } else if (IsLeftOut(desc, index, value)) {
      self->TakeOld(i);
    } else {
      self->column_ = i;
      const bool fits = row->bytes() + ValueBytes(desc, index, value) <= kMaxMessageBytes;
      if (fits) AppendDatum(*attribute.encoder, value, row->text());
      if (fits && row->bytes() <= kMaxMessageBytes) {
        row->Present(i);
      } else {
        self->TooLarge(i);
      }
    }
  }
}

// Limits memory: no broker accepts a message of this size.
void RowReader::TooLarge(size_t column) {
  row_->Failed(column);
  failures_.push_back({column, "the row is larger than a message can be"});
}

// The old row has the value if it was logged whole.
void RowReader::TakeOld(size_t column) {
  if (old_row_ != nullptr && old_row_->state(column) == RowImage::State::kPresent) {
    row_->CopyFrom(*old_row_, column);
  } else {
    row_->Unchanged(column);
  }
}

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/rel.h"
}

#include "pg/row_reader.h"
#include "pg/subtransaction.h"

namespace fraiseql::pg {

namespace {

bool reading = false;

// A TOAST value that the UPDATE did not touch.  It must not be read: its table may be newer than
// the log.
bool IsLeftOut(TupleDesc desc, int index, Datum value) {
  return TupleDescAttr(desc, index)->attlen == -1 &&
         VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value));
}

}  // namespace

bool RowReader::DiedReading() { return reading; }

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
  reading = true;
  heap_deform_tuple(tuple, desc_, values_.data(), nulls_);
  if (careful_rows_ == 0) {
    ReadColumns(this);
  } else {
    --careful_rows_;
    ReadCarefully();
  }
  reading = false;
}

// One subtransaction, and one more for each value that cannot be encoded.
void RowReader::ReadCarefully() {
  for (const char* error; (error = TryInSubtransaction(ReadColumns, this)) != nullptr; ++column_) {
    row_->Failed(column_);
    failures_.push_back({column_, error});
    careful_rows_ = Max(careful_rows_, kCareful);
  }
}

// Those from column_ on, which says where an error has left off.
void RowReader::ReadColumns(void* argument) {
  auto* self = static_cast<RowReader*>(argument);
  const std::vector<CachedRelation::Attribute>& attributes = self->entry_->attributes;
  const TupleDesc desc = self->desc_;
  const bool key_only = self->key_only_;
  RowImage* const row = self->row_;
  for (size_t i = self->column_; i < attributes.size(); ++i) {
    const CachedRelation::Attribute& attribute = attributes[i];
    const int index = attribute.index;
    if (key_only && !attribute.is_key) continue;  // stands as null in the tuple, but is not logged
    const Datum value = self->values_[static_cast<size_t>(index)];
    if (self->nulls_[index]) {
      row->text()->append("null");
      row->Present(i);
    } else if (IsLeftOut(desc, index, value)) {
      self->TakeOld(i);
    } else {
      self->column_ = i;
      AppendDatum(*attribute.encoder, value, row->text());
      row->Present(i);
    }
  }
}

// The old row has it, if it was logged whole.
void RowReader::TakeOld(size_t column) {
  if (old_row_ != nullptr && old_row_->state(column) == RowImage::State::kPresent) {
    row_->CopyFrom(*old_row_, column);
  } else {
    row_->Unchanged(column);
  }
}

}  // namespace fraiseql::pg

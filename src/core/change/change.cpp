// SPDX-License-Identifier: PostgreSQL
#include "core/change/change.h"

#include "core/change/message.h"

namespace fraiseql {

std::string_view OperationName(Operation operation) {
  switch (operation) {
    case Operation::kInsert:
      return "INSERT";
    case Operation::kUpdate:
      return "UPDATE";
    case Operation::kDelete:
      return "DELETE";
    case Operation::kTruncate:
      return "TRUNCATE";
    case Operation::kSnapshot:
      return "SNAPSHOT";
  }
  return "";
}

const RowImage* OldRowOf(const Change& change) {
  return change.has_old_row ? &change.old_row : nullptr;
}

const RowImage* RowOf(const Change& change) {
  switch (change.operation) {
    case Operation::kInsert:
    case Operation::kUpdate:
    case Operation::kSnapshot:
      return &change.new_row;
    case Operation::kDelete:
      return OldRowOf(change);
    case Operation::kTruncate:
      break;
  }
  return nullptr;
}

void RowImage::Reset(size_t columns) {
  ClearBuffer(&text_);
  end_ = 0;
  values_.assign(columns, Value{});
}

void RowImage::Present(size_t column) {
  values_[column] = {end_, text_.size() - end_, State::kPresent};
  end_ = text_.size();
}

void RowImage::Unchanged(size_t column) { values_[column].state = State::kUnchanged; }

void RowImage::Failed(size_t column) {
  text_.resize(end_);
  values_[column].state = State::kFailed;
}

void RowImage::CopyFrom(const RowImage& other, size_t column) {
  text_.append(other.json(column));
  Present(column);
}

}  // namespace fraiseql

// SPDX-License-Identifier: PostgreSQL
#include "core/change/change.h"

#include <gtest/gtest.h>

#include "rows.h"

namespace fraiseql {
namespace {

using State = RowImage::State;

TEST(Operation, HasOneNameAndOneBit) {
  EXPECT_EQ(OperationName(Operation::kInsert), "INSERT");
  EXPECT_EQ(OperationName(Operation::kUpdate), "UPDATE");
  EXPECT_EQ(OperationName(Operation::kDelete), "DELETE");
  EXPECT_EQ(OperationName(Operation::kTruncate), "TRUNCATE");
  EXPECT_EQ(OperationName(Operation::kSnapshot), "SNAPSHOT");
  EXPECT_EQ(SetOf(Operation::kInsert) | SetOf(Operation::kUpdate) | SetOf(Operation::kDelete) |
                SetOf(Operation::kTruncate),
            kAllOperations);
}

TEST(RowImage, KeepsEachValueApart) {
  RowImage row;
  FillRow({"1", kAbsentValue, "null", kUnchangedValue, "\"\"", "{}"}, &row);
  ASSERT_EQ(row.size(), 6u);
  EXPECT_EQ(row.json(0), "1");
  EXPECT_EQ(row.state(1), State::kAbsent);
  EXPECT_EQ(row.state(2), State::kPresent);
  EXPECT_EQ(row.json(2), "null");
  EXPECT_EQ(row.state(3), State::kUnchanged);
  EXPECT_EQ(row.json(4), "\"\"");
  EXPECT_EQ(row.json(5), "{}");
}

TEST(RowImage, ResetForgetsTheRow) {
  RowImage row;
  FillRow({"1", "2", kUnchangedValue}, &row);
  row.Reset(2);
  ASSERT_EQ(row.size(), 2u);
  EXPECT_EQ(row.state(0), State::kAbsent);
  EXPECT_EQ(row.state(1), State::kAbsent);
  row.text()->append("3");
  row.Present(1);
  EXPECT_EQ(row.json(1), "3");
}

TEST(RowImage, NothingIsLeftOfAValueThatFailed) {
  RowImage row;
  row.Reset(3);
  row.text()->append("1");
  row.Present(0);
  row.text()->append("{\"half\":");
  row.Failed(1);
  row.text()->append("3");
  row.Present(2);
  EXPECT_EQ(row.state(1), State::kFailed);
  EXPECT_EQ(row.json(0), "1");
  EXPECT_EQ(row.json(2), "3");
}

TEST(RowImage, CopiesAValueOfAnotherRow) {
  RowImage old_row, new_row;
  FillRow({"1", "\"long\""}, &old_row);
  FillRow({"2", kUnchangedValue, "3"}, &new_row);
  new_row.CopyFrom(old_row, 1);
  EXPECT_EQ(new_row.state(1), State::kPresent);
  EXPECT_EQ(new_row.json(0), "2");
  EXPECT_EQ(new_row.json(1), "\"long\"");
  EXPECT_EQ(new_row.json(2), "3");
}

}  // namespace
}  // namespace fraiseql

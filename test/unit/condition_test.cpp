// SPDX-License-Identifier: PostgreSQL
#include "core/route/condition.h"

#include <gtest/gtest.h>

#include "rows.h"

namespace fraiseql {
namespace {

constexpr std::string_view kTrue = "true", kFalse = "false";

Condition Parsed(std::string_view text) {
  Condition parsed;
  const Status status = Condition::Parse(text, &parsed);
  EXPECT_TRUE(status.ok()) << text << ": " << status.message();
  return parsed;
}

// "true", "false" or the message of the failure.
std::string Evaluated(std::string_view text, const Change& change) {
  bool holds = false;
  const Status status = Parsed(text).Evaluate(change, &holds);
  if (!status.ok()) {
    EXPECT_EQ(status.code(), StatusCode::kRejected);
    EXPECT_NE(status.hint(), "");
    return status.message();
  }
  return std::string(holds ? kTrue : kFalse);
}

// A change of one table; see rows.h for the values.
class ConditionOfChange : public testing::Test {
 protected:
  ConditionOfChange()
      : relation_(MakeRelation("public", "tb_order", {"id", "status", "total", "paid", "note"})) {
    change_.relation = &relation_;
  }

  void Insert(const std::vector<std::string_view>& row) {
    change_.operation = Operation::kInsert;
    change_.has_old_row = false;
    FillRow(row, &change_.new_row);
  }
  void Update(const std::vector<std::string_view>& old_row,
              const std::vector<std::string_view>& new_row) {
    change_.operation = Operation::kUpdate;
    change_.has_old_row = !old_row.empty();
    FillRow(old_row, &change_.old_row);
    FillRow(new_row, &change_.new_row);
  }
  void Delete(const std::vector<std::string_view>& row) {
    change_.operation = Operation::kDelete;
    change_.has_old_row = !row.empty();
    FillRow(row, &change_.old_row);
  }

  void Expect(std::string_view condition, std::string_view result) {
    EXPECT_EQ(Evaluated(condition, change_), result) << condition;
  }

  Relation relation_;
  Change change_;
};

TEST_F(ConditionOfChange, ComparesValuesOfOneKind) {
  Insert({"1", R"("shipped")", "12.30", "true", "null"});
  const struct {
    std::string_view condition, result;
  } kCases[] = {
      {"status == 'shipped'", kTrue},
      {"status == 'Shipped'", kFalse},
      {"status != 'shipped'", kFalse},
      {"status != ''", kTrue},
      {"total == 12.3", kTrue},
      {"total == 12.300", kTrue},
      {"total == 123e-1", kTrue},
      {"total == 12.31", kFalse},
      {"total > 12.29", kTrue},
      {"total > 12.3", kFalse},
      {"total >= 12.3", kTrue},
      {"total < 12.3", kFalse},
      {"total <= 12.30", kTrue},
      {"total > -5", kTrue},
      {"paid == true", kTrue},
      {"paid != false", kTrue},
      {"note == null", kTrue},
      {"note != null", kFalse},
      {"status == null", kFalse},
      // Two kinds are different.
      {"total == '12.30'", kFalse},
      {"total != '12.30'", kTrue},
      {"paid == 'true'", kFalse},
      {"note == 'null'", kFalse},
      {"status == 1", kFalse},
  };
  for (const auto& c : kCases) Expect(c.condition, c.result);
}

TEST_F(ConditionOfChange, ComparesNumbersBeyondFloats) {
  Insert({"9007199254740993", "null", "0.1000000000000000000000000000001", "null", "null"});
  Expect("id == 9007199254740993", kTrue);
  Expect("id == 9007199254740992", kFalse);
  Expect("id > 9007199254740992", kTrue);
  Expect("id < 9007199254740994", kTrue);
  Expect("id == 9007199254740993.0", kTrue);
  Expect("total > 0.1", kTrue);
  Expect("total == 0.1", kFalse);
}

TEST_F(ConditionOfChange, OrdersOnlyNumbers) {
  Insert({"1", R"("x")", R"("NaN")", "true", "null"});
  for (const std::string_view column : {"status", "total", "paid", "note"}) {
    Expect(std::string(column) + " > 1",
           "the value of column \"" + std::string(column) + "\" is not a number");
  }
  Expect("note != null && note > 1", kFalse);
}

TEST_F(ConditionOfChange, ComparesStringsWithEscapes) {
  Insert({"1", R"("say \"hi\"\n")", "1", "true", R"("\u0041b\/c")"});
  Expect("status == 'say \"hi\"\n'", kTrue);
  Expect("note == 'Ab/c'", kTrue);
  Expect("note == 'Ab/d'", kFalse);
  Expect("note != 'Ab/c'", kFalse);
}

TEST_F(ConditionOfChange, JoinsTests) {
  Insert({"1", R"("new")", "5", "true", "null"});
  const struct {
    std::string_view condition, result;
  } kCases[] = {
      {"id == 1 && total == 5", kTrue},
      {"id == 1 && total == 6", kFalse},
      {"id == 2 || total == 5", kTrue},
      {"id == 2 || total == 6", kFalse},
      {"!id == 2", kTrue},
      {"!(id == 1)", kFalse},
      {"!!(id == 1)", kTrue},
      // && binds tighter than ||, ! tighter than both.
      {"id == 1 || id == 2 && total == 6", kTrue},
      {"(id == 1 || id == 2) && total == 6", kFalse},
      {"!id == 2 && total == 6", kFalse},
      {"!(id == 2 && total == 6)", kTrue},
      {"id == 1 && total == 5 && paid == true && status == 'new'", kTrue},
      {"id == 2 || total == 6 || paid == false || status == 'new'", kTrue},
      {"\t( id==1&&total>4 )\r\n||paid!=true ", kTrue},
  };
  for (const auto& c : kCases) Expect(c.condition, c.result);
}

TEST_F(ConditionOfChange, LooksNoFurtherThanItMust) {
  Insert({"1", R"("new")", "5", "true", "null"});
  const std::string_view kMissing = "table \"tb_order\" has no column \"missing\"";
  Expect("missing == 1", kMissing);
  Expect("!missing == 1", kMissing);
  Expect("id == 2 && missing == 1", kFalse);
  Expect("id == 1 || missing == 1", kTrue);
  Expect("id == 1 && missing == 1", kMissing);
  Expect("missing == 1 || id == 1", kMissing);
  Expect("has_field('missing') && missing == 1", kFalse);
}

TEST_F(ConditionOfChange, LooksAtTheNewRowAndOfADeleteAtTheOldOne) {
  Update({"1", R"("old")", "1", "true", "null"}, {"1", R"("new")", "2", "true", "null"});
  Expect("status == 'new' && total == 2", kTrue);
  Delete({"1", R"("old")", "1", "true", "null"});
  Expect("status == 'old' && total == 1", kTrue);
}

TEST_F(ConditionOfChange, KnowsOnlyWhatIsInTheLog) {
  Delete({"1", kAbsentValue, kAbsentValue, kAbsentValue, kAbsentValue});
  Expect("id == 1", kTrue);
  Expect("has_field('status')", kFalse);
  Expect("status == 'old'", "the value of column \"status\" is not in the log");
  Delete({});
  Expect("id == 1", "the value of column \"id\" is not in the log");
  Expect("has_field('id')", kFalse);
  Update({}, {"1", R"("new")", "2", "true", kUnchangedValue});
  Expect("has_field('note')", kTrue);
  Expect("note == 'x'", "the value of column \"note\" is not in the log");
  change_.operation = Operation::kTruncate;
  Expect("has_field('id')", kFalse);
  Expect("id == 1", "the value of column \"id\" is not in the log");
}

TEST_F(ConditionOfChange, SeesTheRowOfASnapshot) {
  Update({}, {"1", R"("new")", "2", "true", "null"});
  change_.has_old_row = false;
  change_.operation = Operation::kSnapshot;
  Expect("id == 1 && has_field('note')", kTrue);
  Expect("field_changed('status')", kFalse);
}

TEST_F(ConditionOfChange, SeesWhatAnUpdateChanges) {
  Update({"1", R"("new")", "1.0", "true", "null"}, {"1", R"("paid")", "2.50", "true", R"("x")"});
  const struct {
    std::string_view condition, result;
  } kCases[] = {
      {"field_changed('status')", kTrue},
      {"field_changed('paid')", kFalse},
      {"field_changed('note')", kTrue},
      {"field_changed_to('status', 'paid')", kTrue},
      {"field_changed_to('status', 'new')", kFalse},
      {"field_changed_from('status', 'new')", kTrue},
      {"field_changed_from('status','paid')", kFalse},
      {"field_changed_to('paid', 'true')", kFalse},  // it was true before
      // The text of a value, whatever its kind.
      {"field_changed_to('total', '2.5')", kTrue},
      {"field_changed_to('total', '2.6')", kFalse},
      {"field_changed_from('total', '1')", kTrue},
      {"field_changed_from('note', 'null')", kTrue},
      {"field_changed_to('note', 'x')", kTrue},
      {"field_changed_to('note', '\"x\"')", kFalse},
      {"!field_changed('id') && field_changed_to( 'status' , 'paid' )", kTrue},
      {"field_changed('missing')", "table \"tb_order\" has no column \"missing\""},
  };
  for (const auto& c : kCases) Expect(c.condition, c.result);
}

TEST_F(ConditionOfChange, NeedsTheOldRowToSeeAChange) {
  const std::string_view kUnknown = "the old value of column \"status\" is not in the log";
  Update({}, {"1", R"("paid")", "2", "true", kUnchangedValue});
  Expect("field_changed('status')", kUnknown);
  Expect("field_changed_to('status', 'paid')", kUnknown);
  Expect("field_changed_from('status', 'paid')", kUnknown);
  Expect("field_changed('note')", kFalse);  // a TOAST value that was not touched
  Update({"1", kAbsentValue, kAbsentValue, kAbsentValue, kAbsentValue},
         {"2", R"("paid")", "2", "true", "null"});
  Expect("field_changed('id')", kTrue);
  Expect("field_changed('status')", kUnknown);
}

TEST_F(ConditionOfChange, SaysThatOnlyAnUpdateChangesFields) {
  Insert({"1", R"("new")", "1", "true", "null"});
  Expect("field_changed('status')", kFalse);
  Expect("field_changed_to('status', 'new')", kFalse);
  Delete({"1", R"("new")", "1", "true", "null"});
  Expect("field_changed_from('status', 'new')", kFalse);
}

TEST(Condition, KnowsItsTextAndColumns) {
  Condition condition;
  EXPECT_TRUE(condition.empty());
  condition = Parsed("(b > 1 || !a == 'x') && field_changed('c d') && b < 9 && été == null");
  EXPECT_FALSE(condition.empty());
  EXPECT_EQ(condition.text(),
            "(b > 1 || !a == 'x') && field_changed('c d') && b < 9 && été == null");
  EXPECT_EQ(condition.columns(), std::vector<std::string>({"b", "a", "c d", "été"}));
}

TEST(Condition, IsRefusedWithThePlace) {
  const struct {
    std::string_view text, message;
  } kCases[] = {
      {"", "1: expected a column or a function, found the end"},
      {"  ", "3: expected a column or a function, found the end"},
      {"a ==", "5: expected a string, a number, true, false or null, found the end"},
      {"a", "2: expected one of == != > < >= <=, found the end"},
      {"a == 1 &&", "10: expected a column or a function, found the end"},
      {"a == 1 || && b == 1", "11: expected a column or a function, found \"&\""},
      {"(a == 1", "8: expected &&, || or ), found the end"},
      {"a == 1)", "7: expected && or ||, found \")\""},
      {"a == 1 b == 2", "8: expected && or ||, found \"b\""},
      {"a == 'x", "6: unterminated string"},
      {"1 == a", "1: expected a column or a function, found \"1\""},
      {"a === 1", "3: expected one of == != > < >= <=, found \"===\""},
      {"a > 'x'", "5: only numbers have an order"},
      {"a <= null", "6: only numbers have an order"},
      {"a == 01", "6: \"01\" is neither a number nor a string"},
      {"a == -", "6: \"-\" is neither a number nor a string"},
      {"été == 1 x", "10: expected && or ||, found \"x\""},
      {"has_field()", "1: has_field() takes 1 argument, not 0"},
      {"a == 1 && field_changed('a', 'b')", "11: field_changed() takes 1 argument, not 2"},
      {"field_changed_to('a')", "1: field_changed_to() takes 2 arguments, not 1"},
      {"has_field(a)", "11: expected a string in single quotes, found \"a\""},
      {"has_field('a'", "14: expected , or ), found the end"},
      {"has_field('a',)", "15: expected a string in single quotes, found \")\""},
  };
  for (const auto& c : kCases) {
    Condition parsed = Parsed("kept == 1");
    const Status status = Condition::Parse(c.text, &parsed);
    EXPECT_EQ(status.code(), StatusCode::kInvalid) << c.text;
    EXPECT_EQ(status.message(), "invalid condition at character " + std::string(c.message));
    EXPECT_NE(status.hint(), "");
    EXPECT_EQ(parsed.text(), "kept == 1");
  }
}

TEST(Condition, OfAnotherLanguageIsRefusedWithItsSpellingInOurs) {
  const struct {
    std::string_view text, message, hint;
  } kCases[] = {
      {"data.status == 'x'", "5: expected one of == != > < >= <=, found \".\"", "without a dot"},
      {"status.changed() && a == 1", "7: expected one of == != > < >= <=, found \".\"",
       "field_changed('status')"},
      {"status == \"x\"", "11: expected a string, a number, true, false or null, found \"\"\"",
       "status == 'shipped'"},
      {"status == shipped", "11: \"shipped\" is neither a number nor a string",
       "status == 'shipped'"},
      {"a = 1", "3: expected one of == != > < >= <=, found \"=\"", "Equality is ==."},
      {"a <> 1", "3: expected one of == != > < >= <=, found \"<>\"", "Inequality is !=."},
      {"a == 1 AND b == 2", "8: expected && or ||, found \"AND\"", "Write && for and."},
      {"a == 1 or b == 2", "8: expected && or ||, found \"or\"", "Write || for or."},
      {"a == 1 & b == 2", "8: expected && or ||, found \"&\"", "Write && for and."},
      {"a IS NULL", "3: expected one of == != > < >= <=, found \"IS\"", "column == null"},
      {"CHANGED_TO(status, 'x')", "1: unknown function \"CHANGED_TO\"", "field_changed_to('"},
      {"a == `1`", "6: expected a string, a number, true, false or null, found \"`\"",
       "status == 'shipped'"},
  };
  for (const auto& c : kCases) {
    Condition parsed;
    const Status status = Condition::Parse(c.text, &parsed);
    EXPECT_EQ(status.message(), "invalid condition at character " + std::string(c.message));
    EXPECT_NE(status.hint().find(c.hint), std::string::npos) << c.text << ": " << status.hint();
  }
}

TEST(Condition, IsBoundedInLengthAndDepth) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '(') + "a == 1" + std::string(depth, ')');
  };
  Parsed(nested(64));
  Parsed(std::string(64, '!') + "a == 1");
  Condition parsed;
  EXPECT_EQ(Condition::Parse(nested(65), &parsed).message(),
            "invalid condition at character 66: nested deeper than 64");
  EXPECT_EQ(Condition::Parse(std::string(65, '!') + "a == 1", &parsed).message(),
            "invalid condition at character 66: nested deeper than 64");
  std::string wide = "a==1";
  while (wide.size() + 6 <= 4096) wide += "||a==1";
  Parsed(wide);
  EXPECT_EQ(Condition::Parse(std::string(4097, ' '), &parsed).message(),
            "condition is longer than 4096 bytes");
}

}  // namespace
}  // namespace fraiseql

// SPDX-License-Identifier: PostgreSQL
#include "core/route/subject.h"

#include <gtest/gtest.h>

#include "rows.h"

namespace fraiseql {
namespace {

using namespace std::string_view_literals;

constexpr size_t kMaxSubjectBytes = 2048;

std::string Token(std::string_view value) {
  std::string out;
  AppendSubjectToken(value, &out);
  return out;
}

SubjectTemplate Parsed(std::string_view text) {
  SubjectTemplate parsed;
  const Status status = SubjectTemplate::Parse(text, &parsed);
  EXPECT_TRUE(status.ok()) << text << ": " << status.message();
  return parsed;
}

std::string Expanded(std::string_view text, const SubjectValues& values) {
  std::string out;
  Parsed(text).Append(values, &out);
  return out;
}

// The column "it" with this JSON value, as subject.
std::string ExpandedColumn(std::string_view json) {
  const Relation relation = MakeRelation("public", "t", {"before", "it", "after"});
  RowImage row;
  FillRow({"1", json, "2"}, &row);
  SubjectValues values;
  values.relation = &relation;
  values.row = &row;
  return Expanded("{column:it}", values);
}

TEST(Subject, IsMadeOfTokens) {
  for (const std::string_view good : {"a", "a.b", "fraiseql.mutation.Order.INSERT", "a.b-c.d_e",
                                      "a.$b._INBOX", "_INBOXES.a", "a.%20.é", "{a}"}) {
    EXPECT_TRUE(CheckSubject(good).ok()) << good;
  }
}

TEST(Subject, OfNatsItselfIsRefused) {
  for (const std::string_view bad : {"$JS.API.STREAM.PURGE.fraiseql_events", "$", "$SYS.REQ",
                                     "$KV.b.k", "_INBOX", "_INBOX.a.b"}) {
    EXPECT_EQ(CheckSubject(bad).message(), "subject \"" + std::string(bad) + "\" is reserved");
    SubjectTemplate parsed;
    EXPECT_FALSE(SubjectTemplate::Parse(bad, &parsed).ok()) << bad;
  }
}

TEST(Subject, IsRefusedWithTheReason) {
  const struct {
    std::string_view subject, message;
  } kCases[] = {
      {"", "subject is empty"},
      {".", "subject \".\" has an empty token"},
      {".a", "subject \".a\" has an empty token"},
      {"a.", "subject \"a.\" has an empty token"},
      {"a..b", "subject \"a..b\" has an empty token"},
      {"a b", "subject \"a b\" has a wildcard, a blank or a control character"},
      {"a.*", "subject \"a.*\" has a wildcard, a blank or a control character"},
      {"a.>", "subject \"a.>\" has a wildcard, a blank or a control character"},
      {"a\tb", "subject \"a\tb\" has a wildcard, a blank or a control character"},
      {"a\r\nb", "subject \"a\r\nb\" has a wildcard, a blank or a control character"},
      {"a\x7F", "subject \"a\x7F\" has a wildcard, a blank or a control character"},
      {"a\0b"sv, "subject \"a\0b\" has a wildcard, a blank or a control character"sv},
  };
  for (const auto& c : kCases) {
    const Status status = CheckSubject(c.subject);
    EXPECT_EQ(status.code(), StatusCode::kInvalid) << c.subject;
    EXPECT_EQ(status.message(), c.message);
    EXPECT_NE(status.hint(), "");
  }
}

TEST(Subject, HasALongestLength) {
  EXPECT_TRUE(CheckSubject(std::string(kMaxSubjectBytes, 'a')).ok());
  const Status status = CheckSubject(std::string(kMaxSubjectBytes + 1, 'a'));
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_EQ(status.message(), "subject is longer than 2048 bytes");
}

TEST(SubjectToken, EncodesWhatNatsForbids) {
  const struct {
    std::string_view value, token;
  } kCases[] = {
      {"", "%00"},       {"Order", "Order"}, {"a.b", "a%2Eb"},   {"a b", "a%20b"},
      {"*", "%2A"},      {">", "%3E"},       {"100%", "100%25"}, {"%20", "%2520"},
      {"a\tb", "a%09b"}, {"\r\n", "%0D%0A"}, {"\x7F", "%7F"},    {"\0"sv, "%00"},
      {"été", "été"},    {"日本", "日本"},   {"a-b_c", "a-b_c"}, {"<a:b/c>", "<a:b/c%3E"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Token(c.value), c.token);
}

TEST(SubjectToken, IsOneValidTokenWhateverTheValue) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string token = Token(std::string(1, static_cast<char>(byte)));
    EXPECT_TRUE(CheckSubject("a." + token).ok()) << byte;
    EXPECT_EQ(token.find('.'), std::string::npos) << byte;
  }
}

TEST(SubjectTemplate, IsAPatternOfAllThatItMakes) {
  const struct {
    std::string_view text, pattern;
  } kCases[] = {{"a.b", "a.b"},
                {"a.{op}.c", "a.*.c"},
                {"{table}", "*"},
                {"a.x{column:c}y.{op}", "a.*.*"},
                {"{schema}{table}.b", "*.b"}};
  for (const auto& c : kCases) {
    SubjectTemplate parsed;
    ASSERT_TRUE(SubjectTemplate::Parse(c.text, &parsed).ok());
    EXPECT_EQ(parsed.Pattern(), c.pattern) << c.text;
  }
}

TEST(SubjectTemplate, ReplacesEachPlaceholder) {
  SubjectValues values;
  values.schema = "public";
  values.table = "tb_order";
  values.entity = "Order";
  values.op = "INSERT";
  values.channel = "order_created";
  values.database = "shop";
  const struct {
    std::string_view text, subject;
  } kCases[] = {
      {"fixed.subject", "fixed.subject"},
      {"{schema}", "public"},
      {"{table}", "tb_order"},
      {"{entity}", "Order"},
      {"{op}", "INSERT"},
      {"{channel}", "order_created"},
      {"{database}", "shop"},
      {"a.{entity}.{op}", "a.Order.INSERT"},
      {"{database}.x-{table}-y.{op}{op}", "shop.x-tb_order-y.INSERTINSERT"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Expanded(c.text, values), c.subject);
}

TEST(SubjectTemplate, EncodesValuesButNotItsOwnText) {
  SubjectValues values;
  values.schema = "my.schema";
  values.table = "";
  EXPECT_EQ(Expanded("a%b.{schema}.{table}", values), "a%b.my%2Eschema.%00");
}

TEST(SubjectTemplate, TakesColumnsAsText) {
  const struct {
    std::string_view json, token;
  } kCases[] = {
      {R"("new")", "new"},
      {"42", "42"},
      {"-1.50", "-1%2E50"},
      {"true", "true"},
      {"null", "%00"},
      {R"("")", "%00"},
      {R"("null")", "null"},
      {R"("a.b c")", "a%2Eb%20c"},
      {R"("say \"x\"\\")", "say%20\"x\"\\"},
      {R"("a\nb\u0001")", "a%0Ab%01"},
      {"[1, 2]", "[1,%202]"},
      {kAbsentValue, "%00"},
      {kUnchangedValue, "%00"},
  };
  for (const auto& c : kCases) EXPECT_EQ(ExpandedColumn(c.json), c.token) << c.json;
}

TEST(SubjectTemplate, TakesAnUnknownColumnForEmpty) {
  EXPECT_EQ(Expanded("a.{column:it}", {}), "a.%00");
  const Relation relation = MakeRelation("public", "t", {"it"});
  RowImage row;
  FillRow({"1"}, &row);
  SubjectValues values;
  values.relation = &relation;
  EXPECT_EQ(Expanded("a.{column:it}", values), "a.%00");
  values.row = &row;
  EXPECT_EQ(Expanded("a.{column:it}", values), "a.1");
  EXPECT_EQ(Expanded("a.{column:IT}", values), "a.%00");
}

TEST(SubjectTemplate, KnowsItsTextAndColumns) {
  SubjectTemplate parsed;
  EXPECT_TRUE(parsed.empty());
  parsed = Parsed("{column:a}.{op}.{column:b c}-{column:a}");
  EXPECT_FALSE(parsed.empty());
  EXPECT_EQ(parsed.text(), "{column:a}.{op}.{column:b c}-{column:a}");
  EXPECT_EQ(parsed.columns(), std::vector<std::string>({"a", "b c", "a"}));
  EXPECT_TRUE(Parsed("a.{op}").columns().empty());
}

TEST(SubjectTemplate, IsAnAddressWithParametersForWhatDiffers) {
  SubjectTemplate parsed;
  ASSERT_TRUE(
      SubjectTemplate::Parse("a.{schema}.{table}.{op}.{column:x y}-{column:x_y}.{column:x y}."
                             "{partition:8}.{partition:4:r}",
                             &parsed)
          .ok());
  SubjectValues values;
  values.schema = "two words";
  std::vector<SubjectParameter> parameters;
  EXPECT_EQ(parsed.Address(values, &parameters),
            "a.two%20words.{table}.{op}.{column_x-20y}-{column_x_y}.{column_x-20y}."
            "{partition_8}.{partition_4_r}");
  std::vector<std::string> names;
  for (const SubjectParameter& parameter : parameters) names.push_back(parameter.name);
  EXPECT_EQ(names, (std::vector<std::string>{"table", "op", "column_x-20y", "column_x_y",
                                             "partition_8", "partition_4_r"}));
  EXPECT_EQ(parameters[4].description, "a number from 0 to 7, by the key");
  EXPECT_EQ(parameters[5].description, "a number from 0 to 3, by column \"r\"");
}

TEST(SubjectTemplate, RefusesWhatIsNoTemplate) {
  const struct {
    std::string_view text, message;
  } kCases[] = {
      {"", "subject is empty"},
      {"a..b", "subject \"a..b\" has an empty token"},
      {"a.*", "subject \"a.*\" has a wildcard, a blank or a control character"},
      {"{schema}..{op}", "subject \"{schema}..{op}\" has an empty token"},
      {".{op}", "subject \".{op}\" has an empty token"},
      {"{op}.", "subject \"{op}.\" has an empty token"},
      {"{op}. ", "subject \"{op}. \" has a wildcard, a blank or a control character"},
      {"a.{op", "subject \"a.{op\" has an unmatched brace"},
      {"a.op}", "subject \"a.op}\" has an unmatched brace"},
      {"{op}}", "subject \"{op}}\" has an unmatched brace"},
      {"a.{}", "unknown placeholder {} in a subject"},
      {"a.{Op}", "unknown placeholder {Op} in a subject"},
      {"a.{ op }", "unknown placeholder { op } in a subject"},
      {"a.{column}", "unknown placeholder {column} in a subject"},
      {"a.{column:}", "unknown placeholder {column:} in a subject"},
      {"a.{x{op}", "unknown placeholder {x{op} in a subject"},
  };
  for (const auto& c : kCases) {
    SubjectTemplate parsed = Parsed("kept");
    const Status status = SubjectTemplate::Parse(c.text, &parsed);
    EXPECT_EQ(status.code(), StatusCode::kInvalid) << c.text;
    EXPECT_EQ(status.message(), c.message);
    EXPECT_NE(status.hint().find("{column:NAME}"), std::string::npos);
    EXPECT_EQ(parsed.text(), "kept");
  }
}

TEST(InboxPrefix, IsASubjectThatMayBeAnInbox) {
  for (const char* good : {"_INBOX", "_INBOX.pg", "answers", "answers.pg", "_INBOX_pg"}) {
    EXPECT_TRUE(CheckInboxPrefix(good).ok()) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("_INBOX."), std::string("_INBOX..a"), std::string("a.*"),
        std::string(">"), std::string("$JS.API"), std::string("a b"), std::string("a\nb"),
        std::string("a\x7F"), std::string(201, 'a')}) {
    EXPECT_EQ(CheckInboxPrefix(bad).code(), StatusCode::kInvalid) << bad;
  }
}

TEST(JetStreamDomain, IsOneToken) {
  EXPECT_TRUE(CheckJetStreamDomain("").ok());
  EXPECT_TRUE(CheckJetStreamDomain("leaf-1_A").ok());
  for (const std::string& bad :
       {std::string("a.b"), std::string("*"), std::string("a>"), std::string("a b"),
        std::string("a\r"), std::string("a\x80"), std::string("a/b"), std::string(65, 'a')}) {
    EXPECT_EQ(CheckJetStreamDomain(bad).code(), StatusCode::kInvalid) << bad;
  }
}

}  // namespace
}  // namespace fraiseql

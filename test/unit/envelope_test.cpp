// SPDX-License-Identifier: PostgreSQL
#include "core/format/envelope.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

using namespace std::string_view_literals;

constexpr int64_t kCommitTime = 1768473000123456;  // 2026-01-15 10:30:00.123456
constexpr char kTransactionLines[] =
    "Fraiseql-Xid: 771\r\nFraiseql-Commit-Time: 2026-01-15T10:30:00.123456Z\r\n";
constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

Origin TestOrigin() {
  return {7012345678901234567, 16384, "shop", "fraiseql.mutation", "fraiseql"};
}

std::string MessageId(const Origin& origin, const Position& position) {
  std::string id;
  AppendMessageId(origin, position, &id);
  return id;
}

TransactionHeaders TestTransaction() {
  TransactionHeaders transaction;
  transaction.Begin(771, kCommitTime);
  return transaction;
}

// Streams hold these ids: a change here makes every message of an older version new again.
TEST(MessageId, IsExactlyThis) {
  EXPECT_EQ(MessageId(TestOrigin(), {0x16B374D848, 42, 0}),
            "7012345678901234567.16384.00000016B374D848.42");
  EXPECT_EQ(MessageId(TestOrigin(), {0x16B374D848, 42, 1}),
            "7012345678901234567.16384.00000016B374D848.42.1");
  EXPECT_EQ(MessageId({}, {}), "0.0.0000000000000000.0");
  EXPECT_EQ(MessageId({UINT64_MAX, UINT32_MAX, {}, {}}, {UINT64_MAX, UINT64_MAX, UINT32_MAX}),
            "18446744073709551615.4294967295.FFFFFFFFFFFFFFFF.18446744073709551615.4294967295");
}

// A copy that publishes beside its original shares everything with it, system id and log positions
// too.
TEST(MessageId, OfACopyDiffersFromThatOfItsOriginal) {
  Origin copy = TestOrigin();
  copy.branch = "1a2b3c4d";
  EXPECT_EQ(MessageId(copy, {0x16B374D848, 42, 0}),
            "7012345678901234567-1a2b3c4d.16384.00000016B374D848.42");
  std::string prefix;
  AppendIdPrefix(copy, &prefix);
  EXPECT_EQ(prefix, "7012345678901234567-1a2b3c4d.16384.");
}

TEST(TransactionHeaders, SayTransactionAndTime) {
  EXPECT_EQ(TestTransaction().lines(), kTransactionLines);
}

TEST(TransactionHeaders, CarryTheLastTraceparent) {
  TransactionHeaders transaction = TestTransaction();
  transaction.SetTraceparent("00-1-2-00");
  transaction.SetTraceparent(kTraceparent);
  EXPECT_EQ(transaction.lines(),
            std::string(kTransactionLines) + "traceparent: " + kTraceparent + "\r\n");
}

TEST(TransactionHeaders, DropTraceparentWhenItIsEmptyOrInvalid) {
  for (const std::string_view none : {""sv, "a\r\nb: c"sv, "a\nb"sv, "a\0b"sv}) {
    TransactionHeaders transaction = TestTransaction();
    transaction.SetTraceparent(kTraceparent);
    transaction.SetTraceparent(none);
    EXPECT_EQ(transaction.lines(), kTransactionLines);
  }
}

TEST(TransactionHeaders, BeginForgetsTheTransactionBefore) {
  TransactionHeaders transaction;
  transaction.Begin(1, 0);
  transaction.SetTraceparent(kTraceparent);
  transaction.Begin(771, kCommitTime);
  EXPECT_EQ(transaction.lines(), kTransactionLines);
  transaction.SetTraceparent("");
  EXPECT_EQ(transaction.lines(), kTransactionLines);
}

TEST(CommonHeaders, StandOnEveryMessage) {
  Message message;
  message.position = {0x16B374D848, 42, 1};
  AddCommonHeaders(TestOrigin(), TestTransaction(), {}, &message);
  EXPECT_EQ(message.headers, std::string("Nats-Msg-Id: "
                                         "7012345678901234567.16384.00000016B374D848.42.1\r\n"
                                         "Fraiseql-Position: 16/B374D848:42:1\r\n") +
                                 kTransactionLines);
}

TEST(CommonHeaders, HaveTheIdInAHeaderOfOurOwnIfAsked) {
  Origin origin = TestOrigin();
  origin.own_id_header = true;
  Message message;
  message.position = {0x16B374D848, 42, 1};
  AddIdentity(origin, {}, &message);
  EXPECT_EQ(message.headers,
            "Fraiseql-Id: 7012345678901234567.16384.00000016B374D848.42.1\r\n"
            "Fraiseql-Position: 16/B374D848:42:1\r\n");
  EXPECT_EQ(MessageIdOf(message.headers), "7012345678901234567.16384.00000016B374D848.42.1");
  message.headers.clear();
  AddIdentity(origin, "order-7", &message);
  EXPECT_EQ(FindHeader(message.headers, "Nats-Msg-Id"), "order-7");
  EXPECT_EQ(FindHeader(message.headers, "Fraiseql-Id"), "");
  EXPECT_EQ(MessageIdOf(message.headers), "order-7");
}

TEST(CommonHeaders, TakeTheIdOfTheCaller) {
  Message message;
  message.position = {0x16B374D848, 42, 0};
  AddCommonHeaders(TestOrigin(), TestTransaction(), "order-7", &message);
  EXPECT_EQ(FindHeader(message.headers, "Nats-Msg-Id"), "order-7");
  EXPECT_EQ(FindHeader(message.headers, "Fraiseql-Position"), "16/B374D848:42");
}

}  // namespace
}  // namespace fraiseql

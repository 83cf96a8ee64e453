// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/wire_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire_items.h"

namespace fraiseql::nats {
namespace {

using Kind = WireReader::Kind;

std::vector<std::string> Read(const std::string& text, size_t step) {
  return ReadItems(text, step, size_t{64} << 20);
}

std::string Word(Kind kind) { return std::to_string(static_cast<int>(kind)); }

TEST(WireReader, ReadsTheSameHoweverItArrives) {
  const std::string text =
      "INFO {\"server_id\":\"x\"}\r\nPING\r\nMSG a.b 1 5\r\nhello\r\n"
      "MSG a 2 $JS.ACK.x 0\r\n\r\nHMSG c 1 12 17\r\nNATS/1.0\r\n\r\nw\r\nx \r\n"
      "HMSG c 1 reply 16 16\r\nNATS/1.0 503\r\n\r\n\r\n+OK\r\nPONG\r\n"
      "-ERR 'Permissions Violation for Publish to \"it's\"'\r\n";
  const std::vector<std::string> expected = {
      Word(Kind::kOther),
      Word(Kind::kPing),
      Word(Kind::kMessage) + " 1|a.b|||hello",
      Word(Kind::kMessage) + " 2|a|$JS.ACK.x||",
      Word(Kind::kMessage) + " 1|c||NATS/1.0\r\n\r\n|w\r\nx ",
      Word(Kind::kMessage) + " 1|c|reply|NATS/1.0 503\r\n\r\n|",
      Word(Kind::kOther),
      Word(Kind::kPong),
      Word(Kind::kError) + " Permissions Violation for Publish to \"it's\"",
  };
  for (size_t step = 1; step <= text.size(); ++step) ASSERT_EQ(Read(text, step), expected) << step;
}

TEST(WireReader, ReadsManyAndLargeMessages) {
  const std::string large(3 * 1024 * 1024, 'x');
  std::string text;
  for (int i = 0; i < 3; ++i) {
    text += "MSG a 1 " + std::to_string(large.size()) + "\r\n" + large + "\r\n";
    for (int j = 0; j < 1000; ++j) text += "MSG b 1 2\r\nyz\r\n";
  }
  const std::vector<std::string> seen = Read(text, 65536);
  ASSERT_EQ(seen.size(), 3003u);
  EXPECT_EQ(seen[0], Word(Kind::kMessage) + " 1|a|||" + large);
  EXPECT_EQ(seen[3002], Word(Kind::kMessage) + " 1|b|||yz");
}

TEST(WireReader, DoesNotGoOnBehindWhatIsNoProtocol) {
  for (const char* text :
       {"MSG a\r\n", "MSG a 1 x\r\n", "MSG a x 1\r\n", "MSG a 1 b c 1\r\n", "MSG a 1 -1\r\n",
        "HMSG a 1 5\r\n", "HMSG a 1 5 4\r\n", "MSG a 1 99999999999999999999\r\n",
        "MSG a 1 1000000000\r\n", "MSG a 1 1\r\nxyz", "MSG a 1 1\r\nx\n\n"}) {
    const std::vector<std::string> seen = Read(text, 1);
    ASSERT_EQ(seen.size(), 1u) << text;
    EXPECT_EQ(seen[0], Word(Kind::kBroken)) << text;
  }
  EXPECT_EQ(Read(std::string(2 * 1024 * 1024, 'x'), 65536),
            std::vector<std::string>{Word(Kind::kBroken)});
}

TEST(WireReader, FindsHeaders) {
  const std::string_view stored = "NATS/1.0\r\nA: 1\r\nAB:2\r\nEmpty:\r\nC:  x: y \r\nA: 3\r\n\r\n";
  EXPECT_EQ(HeaderOf(stored, "A"), "1");
  EXPECT_EQ(HeaderOf(stored, "AB"), "2");
  EXPECT_EQ(HeaderOf(stored, "C"), "x: y");
  EXPECT_EQ(HeaderOf(stored, "Empty"), "");
  EXPECT_EQ(HeaderOf(stored, "a"), "");
  EXPECT_EQ(HeaderOf(stored, "Status"), "");
  const std::string_view status = "NATS/1.0 408 Request Timeout\r\nNats-Pending-Bytes: 0\r\n\r\n";
  EXPECT_EQ(HeaderOf(status, "Status"), "408");
  EXPECT_EQ(HeaderOf(status, "Description"), "Request Timeout");
  EXPECT_EQ(HeaderOf(status, "Nats-Pending-Bytes"), "0");
  EXPECT_EQ(HeaderOf("NATS/1.0 503\r\n\r\n", "Status"), "503");
  EXPECT_EQ(HeaderOf("NATS/1.0 503\r\n\r\n", "Description"), "");
  EXPECT_EQ(HeaderOf("", "A"), "");
}

}  // namespace
}  // namespace fraiseql::nats

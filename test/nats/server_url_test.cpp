// SPDX-License-Identifier: PostgreSQL
#include "nats/server_url.h"

#include <gtest/gtest.h>

namespace fraiseql::nats {
namespace {

using Servers = std::vector<std::string>;

TEST(ServerUrl, SplitsAtCommasAndDropsBlanks) {
  EXPECT_EQ(SplitServers("nats://a:1"), Servers{"nats://a:1"});
  EXPECT_EQ(SplitServers(" nats://a:1 ,b:2,\n\ttls://c"),
            (Servers{"nats://a:1", "b:2", "tls://c"}));
  EXPECT_EQ(SplitServers(",, a ,"), Servers{"a"});
  EXPECT_EQ(SplitServers(" "), Servers{});
  EXPECT_EQ(SplitServers(""), Servers{});
}

TEST(ServerUrl, HidesCredentials) {
  EXPECT_EQ(WithoutUserInfo("nats://localhost:4222"), "nats://localhost:4222");
  EXPECT_EQ(WithoutUserInfo("nats://joe:secret@h:1"), "nats://h:1");
  EXPECT_EQ(WithoutUserInfo("joe:secret@h:1"), "h:1");
  EXPECT_EQ(WithoutUserInfo("nats://token@h:1,tls://u:p@i:2, u:p@j"), "nats://h:1,tls://i:2, j");
  EXPECT_EQ(WithoutUserInfo("nats://joe:p@ss/w@rd@h:1"), "nats://h:1");
  EXPECT_EQ(WithoutUserInfo("cannot resolve 'nats://u:p@h' now"), "cannot resolve 'nats://h' now");
  EXPECT_EQ(WithoutUserInfo(""), "");
}

}  // namespace
}  // namespace fraiseql::nats

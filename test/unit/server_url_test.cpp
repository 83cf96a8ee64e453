// SPDX-License-Identifier: PostgreSQL
#include "core/base/server_url.h"

#include <gtest/gtest.h>

#include "core/base/comma_list.h"

namespace fraiseql {
namespace {

using Servers = std::vector<std::string>;

TEST(ServerUrl, SplitsAtCommasAndDropsBlanks) {
  EXPECT_EQ(ListItems("nats://a:1"), Servers{"nats://a:1"});
  EXPECT_EQ(ListItems(" nats://a:1 ,b:2,\n\ttls://c"), (Servers{"nats://a:1", "b:2", "tls://c"}));
  EXPECT_EQ(ListItems(",, a ,"), Servers{"a"});
  EXPECT_EQ(ListItems(" "), Servers{});
  EXPECT_EQ(ListItems(""), Servers{});
}

TEST(ServerUrl, HidesCredentials) {
  EXPECT_EQ(WithoutUserInfo("nats://localhost:4222"), "nats://localhost:4222");
  EXPECT_EQ(WithoutUserInfo("nats://joe:secret@h:1"), "nats://h:1");
  EXPECT_EQ(WithoutUserInfo("joe:secret@h:1"), "h:1");
  EXPECT_EQ(WithoutUserInfo("nats://token@h:1,tls://u:p@i:2"), "nats://h:1,tls://i:2");
  EXPECT_EQ(WithoutUserInfo("nats://a:1, tls://b:2 ,nats://[::1]:3,nats://d/x"),
            "nats://a:1, tls://b:2 ,nats://[::1]:3,nats://d/x");
  EXPECT_EQ(WithoutUserInfo("nats://joe:p@ss/w@rd@h:1"), "nats://h:1");
  EXPECT_EQ(WithoutUserInfo("cannot resolve 'nats://u:p@h' now"), "cannot resolve 'nats://h' now");
  EXPECT_EQ(WithoutUserInfo(""), "");
}

TEST(ServerUrl, HidesAPasswordOfAnyCharacters) {
  for (const std::string password :
       {"se'cret", "se\"cret", "se\tcret", "se cret", "se,cret", "se@cret", "se/cret", "se%40cret",
        "se:cret", "se\\cret", "se\ncret", "se://cret", "senats://cret", "se?#[]cret", "'", "@",
        "se\xC3\xA9"
        "cret",
        ",nats://"}) {
    const std::string url = "nats://joe:" + password + "@h:1";
    for (const std::string& shown :
         {WithoutUserInfo(url), WithoutUserInfo("nats://a:2," + url + ", tls://b"),
          WithoutUserInfo("cannot connect to \"" + url + "\": refused")}) {
      EXPECT_EQ(shown.find("se"), shown.find("sed")) << shown;  // of "refused"
      EXPECT_EQ(shown.find("cret"), std::string::npos) << shown;
      EXPECT_EQ(shown.find("joe"), std::string::npos) << shown;
      EXPECT_NE(shown.find("h:1"), std::string::npos) << shown;
    }
  }
}

TEST(ServerUrl, HidesCredentialsThatHaveNoHost) {
  EXPECT_EQ(WithoutUserInfo("nats://joe:secret"), "nats://***");
  EXPECT_EQ(WithoutUserInfo("at \"nats://joe:secret\": no"), "at \"nats://***\": no");
  EXPECT_EQ(WithoutUserInfo("nats://joe:a,nats://b@h"), "nats://***,nats://h");
}

TEST(ServerUrl, HasCredentialsAsInEveryClient) {
  ServerUrl url;
  ASSERT_TRUE(ParseServerUrl("nats://h:1", &url).ok());
  EXPECT_EQ(url.address, "nats://h:1");
  EXPECT_FALSE(url.has_user);
  EXPECT_EQ(url.token, "");
  ASSERT_TRUE(ParseServerUrl("tls://us%3Aer:p%40ss%2Fw%22%5C%0a:x@[::1]:1", &url).ok());
  EXPECT_EQ(url.address, "tls://[::1]:1");
  EXPECT_TRUE(url.has_user);
  EXPECT_EQ(url.user, "us:er");
  EXPECT_EQ(url.password, "p@ss/w\"\\\n:x");
  ASSERT_TRUE(ParseServerUrl("nats://t%25k@h", &url).ok());
  EXPECT_EQ(url.address, "nats://h");
  EXPECT_FALSE(url.has_user);
  EXPECT_EQ(url.token, "t%k");
  ASSERT_TRUE(ParseServerUrl("nats://joe:@h", &url).ok());
  EXPECT_TRUE(url.has_user);
  EXPECT_EQ(url.password, "");
  ASSERT_TRUE(ParseServerUrl("nats://joe:p@ss/w@h", &url).ok());  // sloppy, but clear
  EXPECT_EQ(url.password, "p@ss/w");
  ASSERT_TRUE(ParseServerUrl("nats://@h", &url).ok());
  EXPECT_FALSE(url.has_user);
}

TEST(ServerUrl, IsRefusedWithoutAWordOfIt) {
  for (const char* text : {"", "h:1", "http://h", "nats://", "nats://joe:secret@",
                           "nats://joe:secret%@h", "nats://joe:secret%4@h", "nats://secret%gg@h",
                           "nats://joe:secret%00@h", "nats://jo e:secret@h"}) {
    ServerUrl url;
    const Status status = ParseServerUrl(text, &url);
    EXPECT_EQ(status.code(), StatusCode::kInvalid) << text;
    EXPECT_EQ(status.message().find("secret"), std::string::npos) << text;
    EXPECT_NE(status.hint(), "") << text;
  }
  EXPECT_TRUE(CheckServerUrls(" nats://a:1 ,tls://b").ok());
  EXPECT_FALSE(CheckServerUrls("nats://a:1,,nats://b").ok());
  EXPECT_FALSE(CheckServerUrls("").ok());
}

}  // namespace
}  // namespace fraiseql

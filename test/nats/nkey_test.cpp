// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/nkey.h"

#include <gtest/gtest.h>

namespace fraiseql::nats {
namespace {

constexpr char kSeed[] = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
constexpr char kPublic[] = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

TEST(Nkey, DerivesThePublicKeyOfASeed) {
  std::string key;
  ASSERT_TRUE(PublicNkey(kSeed, &key).ok());
  EXPECT_EQ(key, kPublic);
}

TEST(Nkey, FindsTheSeedAmongOtherLines) {
  std::string key;
  ASSERT_TRUE(PublicNkey("# app\r\n  " + std::string(kSeed) + " \r\n" + kPublic, &key).ok());
  EXPECT_EQ(key, kPublic);
}

TEST(Nkey, RefusesWhatIsNoUserSeed) {
  std::string key;
  std::string mistyped = kSeed;
  mistyped[20] = mistyped[20] == 'A' ? 'B' : 'A';
  std::string foreign = kSeed;
  foreign[30] = '1';
  for (const std::string& text : {std::string(), std::string(kPublic), std::string("SU"), mistyped,
                                  foreign, "SA" + std::string(kSeed).substr(2)}) {
    const Status status = PublicNkey(text, &key);
    EXPECT_EQ(status.code(), StatusCode::kInvalid) << text;
    EXPECT_NE(status.message().find("nkey_seed_file"), std::string::npos);
  }
}

}  // namespace
}  // namespace fraiseql::nats

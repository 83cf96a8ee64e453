// SPDX-License-Identifier: PostgreSQL
#include "core/base/uuid.h"

#include <gtest/gtest.h>

#include <string>

namespace fraiseql {
namespace {

std::string Uuid5(const std::string& name) {
  std::string uuid = ">";
  AppendUuid5(name, &uuid);
  return uuid.substr(1);
}

// As Python's uuid.uuid5(uuid.NAMESPACE_OID, name).
TEST(Uuid, OfANameIsWhatOthersMakeOfIt) {
  EXPECT_EQ(Uuid5(""), "0a68eb57-c88a-5f34-9e9d-27f85e68af4f");
  EXPECT_EQ(Uuid5("7012345678901234567.16384.00000016B374D848.42"),
            "59cb7a31-987c-5337-b632-2fe31f17e791");
  EXPECT_EQ(Uuid5(std::string(1000, 'x')), "0ee7e31f-a49b-55bf-a896-2c72533f360c");
}

}  // namespace
}  // namespace fraiseql

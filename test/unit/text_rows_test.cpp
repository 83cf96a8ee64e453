// SPDX-License-Identifier: PostgreSQL
#include "core/base/text_rows.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

std::vector<TextRow> Read(std::string_view bytes) {
  std::vector<TextRow> rows;
  TextRowReader reader(bytes);
  for (uint32_t fields = 0; reader.NextRow(&fields) && rows.size() < 100;) {
    TextRow& row = rows.emplace_back();
    for (uint32_t i = 0; i < fields && i < 100; ++i) {
      const auto field = reader.NextField();
      row.push_back(field ? std::optional<std::string>(*field) : std::nullopt);
    }
  }
  return rows;
}

TEST(TextRows, ComeBackAsTheyWere) {
  const std::vector<TextRow> rows = {
      {"a", std::nullopt, "", std::string("\0\xFF", 2)}, {}, {std::string(70000, 'x')}};
  std::string bytes;
  for (const TextRow& row : rows) AppendTextRow(row, &bytes);
  EXPECT_EQ(Read(bytes), rows);
  EXPECT_EQ(Read(""), std::vector<TextRow>{});
}

TEST(TextRows, CutShortAreReadToTheirEndAndNoFurther) {
  std::string bytes;
  AppendTextRow({"one", "two"}, &bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string part = bytes.substr(0, size);  // a sanitizer sees a read beyond it
    EXPECT_LE(Read(part).size(), 1u);
  }
  EXPECT_LE(Read("\xFF\xFF\xFF\xFF\xFE\xFF\xFF\xFFx").size(), 1u);
}

}  // namespace
}  // namespace fraiseql

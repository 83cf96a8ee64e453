// SPDX-License-Identifier: PostgreSQL
// Texts of strangers, as they are shown.
#include "core/base/foreign_text.h"

#include "fuzz.h"
#include "core/base/server_url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fraiseql;
  std::string_view text = TextOf(data, size);
  const size_t limit = TakeByte(&text);
  const std::string shown = ForeignText(text, limit);
  MUST(IsClean(shown) && shown.size() <= std::max<size_t>(limit, 3));
  MUST(IsClean(ForeignText(WithoutUserInfo(text))));
  return 0;
}

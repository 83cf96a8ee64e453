// SPDX-License-Identifier: PostgreSQL
// Logical messages in the log, which others may have written.
#include "core/format/logged_message.h"

#include <string>

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fraiseql;
  const std::string_view body = TextOf(data, size);
  LoggedMessage message;
  if (!ParseLoggedMessage(body, &message).ok()) return 0;
  std::string again;
  AppendLoggedMessage(message, &again);
  MUST(again == body);
  return 0;
}

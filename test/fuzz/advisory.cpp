// SPDX-License-Identifier: PostgreSQL
// What anybody may publish as an advisory, and the dead letter that is made of it: the input is the
// advisory, a NUL, and the headers of the original as a server gives them.
#include <algorithm>
#include <string>

#include "core/change/message.h"
#include "fuzz.h"
#include "nats/deadletter/dead_letter.h"
#include "nats/base/names.h"

namespace {

using namespace fraiseql;

// Every line is a header of ours, or a copied one that has no effect.
void CheckHeaders(std::string_view headers) {
  size_t ids = 0;
  while (!headers.empty()) {
    const size_t end = headers.find("\r\n");
    MUST(end != std::string_view::npos);
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(end + 2);
    const size_t colon = line.find(": ");
    MUST(colon != std::string_view::npos && IsHeaderName(line.substr(0, colon)));
    MUST(IsHeaderValue(line.substr(colon + 2)));
    if (line.substr(0, 5) == "Nats-") ++ids;
  }
  MUST(ids == 1);  // Nats-Msg-Id
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest = TextOf(data, size);
  const std::string_view advisory = rest.substr(0, rest.find('\0'));
  rest.remove_prefix(std::min(rest.size(), advisory.size() + 1));
  nats::GiveUp give_up;
  if (!nats::ParseAdvisory(advisory, &give_up)) return 0;
  MUST(nats::IsWireSubject(give_up.stream) && nats::IsWireSubject(give_up.consumer));
  nats::StoredMessage original;
  original.subject = "fraiseql.order.created";
  original.headers = nats::ReadHeaderBlock(rest);
  for (const auto content : {nats::Content::kAll, nats::Content::kGone, nats::Content::kTooLarge}) {
    Message letter;
    nats::WriteDeadLetter(give_up, content == nats::Content::kGone ? nullptr : &original, content,
                          &letter);
    CheckHeaders(letter.headers);
    MUST(FindHeader(letter.headers, "Nats-Msg-Id") == nats::DeadLetterId(give_up));
  }
  return 0;
}

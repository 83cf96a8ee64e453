// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "core/change/message.h"

namespace fraiseql::nats {

// Output for a NATS server (the client protocol, as in the NATS documentation), appended to `out`.
// `reply`: empty, or the subject for an answer.
// REQUIRES: subject and reply have neither blanks nor control characters.

// HPUB, with the message's headers and `more_headers`; without any, PUB.
void AppendPublish(const Message& message, std::string_view reply, std::string_view more_headers,
                   std::string* out);

// PUB.
void AppendRequest(std::string_view subject, std::string_view body, std::string_view reply,
                   std::string* out);

}  // namespace fraiseql::nats

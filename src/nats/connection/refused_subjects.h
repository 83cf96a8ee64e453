// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/change/message.h"
#include "core/base/status.h"

namespace fraiseql::nats {

// Whether a refusal that the server reported at `learned_us` still applies to the message.
// Permissions and limits can change at any time without notice, so a refusal applies for a short
// time only, and not to a message that was retried since: the administrator may have changed them
// before the retry.  Microseconds since 1970, as commit times are.
bool IsStillBelieved(const Message& message, int64_t learned_us, int64_t now_us);

// The subject in a server's 'Permissions Violation for Publish to "x"', or for a subscription;
// empty if there is none.  It may be cut off.
std::string SubjectOfRefusal(std::string_view text);

// The subjects for which the server has refused the permission to publish.  The server reports a
// refusal some time after the message was sent and does not name the message, and the connection
// keeps only the last refusal.  So the connection is replaced and the messages in flight are sent
// again, except those to the refused subject: each refused subject costs one connection, not each
// message.
class RefusedSubjects {
 public:
  // Records the subject in a server's 'Permissions Violation for Publish to "x"', and returns the
  // Status that Check() returns for it.  kOk, and nothing is recorded, if the text is not about
  // publishing a message.
  Status Learn(std::string_view text, int64_t now_us);

  // kRejected if the message's subject is one of them.
  Status Check(const Message& message, int64_t now_us);
  bool empty() const { return subjects_.empty(); }

 private:
  struct Refusal {
    int64_t learned_us;
    bool cut_off;  // the text ended within the subject: it matches all that begin with it
  };
  std::map<std::string, Refusal, std::less<>> subjects_;
};

}  // namespace fraiseql::nats

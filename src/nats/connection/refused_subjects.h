// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/change/message.h"
#include "core/base/status.h"

namespace fraiseql::nats {

// Whether what the server was found to refuse at `learned_us` still decides about the message:
// permissions and limits can be changed at any time, and nobody is told.  So it is believed for a
// short while, and not for a message that was published again since, by somebody who may well have
// changed them.  Microseconds since 1970, as commit times are.
bool IsStillBelieved(const Message& message, int64_t learned_us, int64_t now_us);

// The subject in a server's 'Permissions Violation for Publish to "x"', or Subscription; empty if
// there is none.  It may be cut off.
std::string SubjectOfRefusal(std::string_view text);

// The subjects for which the server has refused the permission to publish.  It says so some time
// after the message was sent, of no message in particular, and the library tells only the last such
// refusal of a connection.  So the connection is given up and what was in flight is sent again, but
// for the subject that is known now: each refusal costs one connection, not each message.
class RefusedSubjects {
 public:
  // Takes the subject out of what a server says ('Permissions Violation for Publish to "x"'), and
  // says of it what Check() will say.  kOk, and nothing is remembered, if the text is about
  // something else than publishing a message.
  Status Learn(std::string_view text, int64_t now_us);

  // kRejected if the message's subject is one of them.
  Status Check(const Message& message, int64_t now_us);
  bool empty() const { return subjects_.empty(); }

 private:
  struct Refusal {
    int64_t learned_us;
    bool cut_off;  // the text ended within the subject: it stands for all that begin like it
  };
  std::map<std::string, Refusal, std::less<>> subjects_;
};

}  // namespace fraiseql::nats

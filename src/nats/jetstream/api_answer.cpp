// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/api_answer.h"

#include <string>

#include "nats/jetstream/jetstream_error.h"

namespace fraiseql::nats {

ApiAnswer ParseApiAnswer(std::string_view data, std::string_view what) {
  ApiAnswer answer;
  answer.body = ParseObject(data);
  if (!answer.body.is_object()) {
    answer.status = NotUnderstood(what);
    return answer;
  }
  const auto error = answer.body.find("error");
  if (error == answer.body.end() || !error->is_object()) return answer;
  JetStreamError found;
  found.code = SmallIntegerAt(*error, "code");
  found.err_code = answer.err_code = SmallIntegerAt(*error, "err_code");
  found.description = DataAt(*error, "description");
  answer.status = ToStatus(found, what);
  return answer;
}

Status NotUnderstood(std::string_view what) {
  return Status::Unavailable(std::string(what) + ": JetStream's answer is not understood");
}

}  // namespace fraiseql::nats

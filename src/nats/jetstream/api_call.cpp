// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/api_call.h"

#include "nats/jetstream/jetstream_client.h"
#include "nats/jetstream/jetstream_error.h"

namespace fraiseql::nats {

ApiAnswer CallApi(JetStreamClient* js, const std::string& request, const Json& body,
                  std::string_view what) {
  ApiAnswer answer;
  std::string text;
  if (!body.is_null()) text = ToText(body);
  answer.status = js->Request(js->ApiSubject(request), text, &text);
  if (!answer.status.ok()) return answer;
  answer.body = ParseObject(text);
  if (!answer.body.is_object()) {
    answer.status =
        Status::Unavailable(std::string(what) + ": JetStream's answer is not understood");
    return answer;
  }
  const Json error = ObjectAt(answer.body, "error");
  if (error.empty()) {
    js->NoteServed();
    return answer;
  }
  const std::string description = TextAt(error, "description");
  JetStreamError found;
  found.code = SmallIntegerAt(error, "code");
  found.err_code = answer.err_code = SmallIntegerAt(error, "err_code");
  found.description = description;
  if (IsMissingHere(found)) {
    js->NoteMissing();
  } else {
    js->NoteServed();
  }
  answer.status = ToStatus(found, what);
  return answer;
}

}  // namespace fraiseql::nats

// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/stream_api.h"

#include <algorithm>
#include <cstdint>

#include "core/base/foreign_text.h"
#include "core/pipeline/stream_mark.h"
#include "nats/jetstream/jetstream_error.h"
#include "nats/base/server_json.h"

namespace fraiseql::nats {

namespace {

std::string Request(std::string_view request, std::string_view stream) {
  return std::string("STREAM.").append(request).append(".").append(stream);
}

Status NotUnderstood(std::string_view what) {
  return Status::Unavailable(std::string(what) + ": JetStream's answer is not understood");
}

bool IsOlderThan(const std::string& created, const Json& state) {
  if (CountAt(state, "messages") == 0) return CountAt(state, "last_seq") > 0;
  if (CountAt(state, "first_seq") > 1) return true;
  int64_t created_ns = 0;
  int64_t first_ns = 0;
  return ParseTime(created, &created_ns) && ParseTime(DataAt(state, "first_ts"), &first_ns) &&
         first_ns < created_ns;
}

}  // namespace

std::string StreamNamesRequest(std::string_view subject) {
  return ToText(Json{{"subject", subject}});
}

std::string StreamInNames(std::string_view answer, std::string_view own) {
  const Json reply = ParseObject(answer);
  if (!reply.is_object()) return "";
  const auto streams = reply.find("streams");
  if (streams == reply.end() || !streams->is_array()) return "";
  for (const Json& stream : *streams) {
    if (stream.is_string() && stream != own) return ForeignText(stream.get<std::string>());
  }
  return "";
}

Status OverlapWith(const std::string& other, Status refused) {
  if (other.empty()) return refused;
  return {refused.code(), refused.message() + ", those of stream \"" + other + "\"",
          "Set stream_name to \"" + other +
              "\" to publish to that stream, or choose other "
              "stream_subjects."};
}

std::string StreamInfoRequest(std::string_view stream) { return Request("INFO", stream); }

std::string StreamCreateRequest(std::string_view stream) { return Request("CREATE", stream); }

std::string StreamConfig(const StreamSettings& settings) {
  const Json config = {
      {"name", settings.name},
      {"subjects", settings.subjects},
      {"retention", "limits"},
      {"discard", settings.discard_new ? "new" : "old"},
      {"max_age", int64_t{settings.max_age_s} * 1000000000},
      {"max_bytes", settings.max_bytes},
      {"max_msgs", settings.max_messages},
      {"storage", settings.storage == Storage::kMemory ? "memory" : "file"},
      {"num_replicas", settings.replicas},
      {"duplicate_window", int64_t{settings.duplicate_window_s} * 1000000000},
  };
  return ToText(config);
}

ApiReply ParseApiReply(std::string_view data, std::string_view what) {
  const Json reply = ParseObject(data);
  if (!reply.is_object()) return {false, NotUnderstood(what), false};
  const auto error = reply.find("error");
  if (error == reply.end() || !error->is_object()) return {};
  JetStreamError found;
  found.code = SmallIntegerAt(*error, "code");
  found.err_code = SmallIntegerAt(*error, "err_code");
  found.description = DataAt(*error, "description");
  return {found.err_code == kStreamNotFound, ToStatus(found, what),
          found.err_code == kSubjectsOverlap};
}

bool IsBeingMade(std::string_view created) {
  constexpr std::string_view kGoZeroTime = "0001-01-01T00:00:00Z";
  return created == kGoZeroTime;
}

Status StillBeingMade(std::string_view what) {
  return Status::Unavailable(std::string(what) + " is just being made by somebody else",
                             "If this lasts, the NATS server's disk may be slow or full.");
}

Status ParseStreamState(std::string_view data, std::string_view what, StreamState* state) {
  const Json reply = ParseObject(data);
  *state = {};
  if (!reply.is_object()) return NotUnderstood(what);
  const Json config = ObjectAt(reply, "config");
  const Json stream = ObjectAt(reply, "state");
  state->created = DataAt(reply, "created");
  state->replicas = std::max(1, SmallIntegerAt(config, "num_replicas"));
  state->has_leader = state->replicas <= 1 || !DataAt(ObjectAt(reply, "cluster"), "leader").empty();
  state->keeps_consumed = DataAt(config, "retention") == "limits";
  state->last_sequence = CountAt(stream, "last_seq");
  state->is_older_than_created = IsOlderThan(state->created, stream);
  const auto subjects = config.find("subjects");
  if (subjects != config.end() && subjects->is_array()) {
    for (const Json& subject : *subjects) {
      if (subject.is_string()) state->subjects.push_back(subject.get<std::string>());
    }
  }
  if (IsBeingMade(state->created)) return Status::Ok();  // it has no state yet
  // A wrong end would have us believe that nothing is stored, or that all of it is lost.
  const auto last = stream.find("last_seq");
  const bool has_end = last != stream.end() && *last == state->last_sequence;
  return has_end && IsStreamCreated(state->created) ? Status::Ok() : NotUnderstood(what);
}

std::string MessageGetRequest(std::string_view stream) {
  return "STREAM.MSG.GET." + std::string(stream);
}

std::string NextMessageRequest(uint64_t from) {
  return ToText(Json{{"seq", from}, {"next_by_subj", ">"}});
}

Status ParseMessageReply(std::string_view data, std::string_view what,
                         std::optional<StoredMessage>* message) {
  message->reset();
  const Json reply = ParseObject(data);
  if (SmallIntegerAt(ObjectAt(reply, "error"), "err_code") == kMessageNotFound) return {};
  const ApiReply answer = ParseApiReply(data, what);
  if (!answer.status.ok()) return answer.status;
  StoredMessage stored;
  if (!ParseStoredMessage(ObjectAt(reply, "message"), &stored)) return NotUnderstood(what);
  *message = std::move(stored);
  return {};
}

}  // namespace fraiseql::nats

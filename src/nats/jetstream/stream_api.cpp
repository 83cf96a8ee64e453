// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/stream_api.h"

#include <algorithm>

#include "core/base/foreign_text.h"
#include "core/pipeline/stream_mark.h"
#include "core/route/subject_set.h"
#include "nats/base/server_json.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/stored_message.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kNsPerMs = 1000000;

const char* Name(Storage storage) { return storage == Storage::kMemory ? "memory" : "file"; }

const char* Name(Discard discard) { return discard == Discard::kNew ? "new" : "old"; }

const char* Name(Compression compression) {
  return compression == Compression::kS2 ? "s2" : "none";
}

const char* Name(Retention retention) {
  if (retention == Retention::kWorkQueue) return "workqueue";
  return retention == Retention::kInterest ? "interest" : "limits";
}

int64_t LimitOrNone(int64_t limit) { return limit > 0 ? limit : -1; }

// An unknown retention is treated as one that removes consumed messages.
Retention RetentionOf(std::string_view name) {
  if (name == "workqueue") return Retention::kWorkQueue;
  return name == "limits" ? Retention::kLimits : Retention::kInterest;
}

StreamSpec SpecOf(const Json& config) {
  StreamSpec spec;
  spec.name = TextAt(config, "name");
  for (const std::string& subject : ListAt(config, "subjects")) {
    spec.subjects.push_back(Word(subject));
  }
  spec.storage = DataAt(config, "storage") == "memory" ? Storage::kMemory : Storage::kFile;
  spec.retention = RetentionOf(DataAt(config, "retention"));
  spec.replicas = std::max(1, SmallIntegerAt(config, "num_replicas"));
  spec.max_age_ms = IntegerAt(config, "max_age") / kNsPerMs;
  spec.max_bytes = IntegerAt(config, "max_bytes");
  spec.max_messages = IntegerAt(config, "max_msgs");
  spec.max_messages_per_subject = IntegerAt(config, "max_msgs_per_subject");
  spec.duplicate_window_ms = IntegerAt(config, "duplicate_window") / kNsPerMs;
  spec.compression = DataAt(config, "compression") == "s2" ? Compression::kS2 : Compression::kNone;
  spec.discard = DataAt(config, "discard") == "new" ? Discard::kNew : Discard::kOld;
  spec.allows_batches = FlagAt(config, "allow_batched");
  return spec;
}

bool IsOlderThan(std::string_view created, const Json& state) {
  if (CountAt(state, "messages") == 0) return CountAt(state, "last_seq") > 0;
  if (CountAt(state, "first_seq") > 1) return true;
  int64_t created_ns = 0;
  int64_t first_ns = 0;
  return ParseTime(created, &created_ns) && ParseTime(DataAt(state, "first_ts"), &first_ns) &&
         first_ns < created_ns;
}

}  // namespace

Json StreamFields(const StreamSpec& spec) {
  Json fields = Json::object();
  if (spec.storage) fields["storage"] = Name(*spec.storage);
  if (spec.retention) fields["retention"] = Name(*spec.retention);
  if (spec.replicas) fields["num_replicas"] = *spec.replicas;
  if (spec.max_age_ms) fields["max_age"] = *spec.max_age_ms * kNsPerMs;
  if (spec.max_bytes) fields["max_bytes"] = LimitOrNone(*spec.max_bytes);
  if (spec.max_messages) fields["max_msgs"] = LimitOrNone(*spec.max_messages);
  if (spec.max_messages_per_subject) {
    fields["max_msgs_per_subject"] = LimitOrNone(*spec.max_messages_per_subject);
  }
  if (spec.duplicate_window_ms) {
    fields["duplicate_window"] = *spec.duplicate_window_ms * kNsPerMs;
  }
  if (spec.discard) fields["discard"] = Name(*spec.discard);
  if (spec.compression) fields["compression"] = Name(*spec.compression);
  if (spec.allows_batches) fields["allow_batched"] = true;
  if (spec.is_bucket) {
    fields["allow_rollup_hdrs"] = true;
    fields["deny_delete"] = true;
    fields["allow_direct"] = true;
  }
  return fields;
}

bool IsFixedField(std::string_view field) { return field == "storage" || field == "retention"; }

Json MergedStreamConfig(Json config, const StreamSpec& wanted) {
  const Json fields = StreamFields(wanted);
  for (const auto& field : fields.items()) {
    if (!IsFixedField(field.key())) config[field.key()] = field.value();
  }
  config["subjects"] = Union(ListAt(config, "subjects"), wanted.subjects);
  return config;
}

Json NewStreamConfig(const StreamSpec& spec) {
  const Json config = {
      {"name", spec.name}, {"storage", "file"}, {"retention", "limits"}, {"discard", "old"}};
  Json merged = MergedStreamConfig(config, spec);
  merged.update(StreamFields(spec));
  return merged;
}

Status ReadStreamInfo(const Json& answer, std::string_view what, StreamInfo* info) {
  const Json state = ObjectAt(answer, "state");
  info->config = SpecOf(ObjectAt(answer, "config"));
  info->created = DataAt(answer, "created");
  info->answered_at = TextAt(answer, "ts");
  info->messages = CountAt(state, "messages");
  info->bytes = CountAt(state, "bytes");
  info->first_sequence = CountAt(state, "first_seq");
  info->last_sequence = CountAt(state, "last_seq");
  info->consumers = CountAt(state, "consumer_count");
  info->has_leader = !info->replicated() || !DataAt(ObjectAt(answer, "cluster"), "leader").empty();
  info->is_older_than_created = IsOlderThan(info->created, state);
  if (IsBeingMade(info->created)) return Status::Ok();  // it has no state yet
  // With a wrong last sequence, the caller would conclude that no message is stored or that all are
  // lost.
  const auto last = state.find("last_seq");
  const bool has_end = last != state.end() && *last == info->last_sequence;
  return has_end && IsStreamCreated(info->created) ? Status::Ok() : NotUnderstood(what);
}

bool IsBeingMade(std::string_view created) {
  constexpr std::string_view kGoZeroTime = "0001-01-01T00:00:00Z";
  return created == kGoZeroTime;
}

Status StillBeingMade(std::string_view what) {
  return Status::Unavailable(std::string(what) + " is being created by another client",
                             "If this lasts, the NATS server's disk may be slow or full.");
}

std::string StreamInNames(const Json& answer, std::string_view own) {
  for (const std::string& stream : ListAt(answer, "streams")) {
    if (stream != own) return ForeignText(stream);
  }
  return "";
}

Status OverlapWith(const std::string& other, Status refused) {
  if (other.empty()) return refused;
  return {refused.code(), refused.message() + ", those of stream \"" + other + "\"",
          "Set stream_name to \"" + other +
              "\" to publish to that stream, or choose other stream_subjects."};
}

}  // namespace fraiseql::nats

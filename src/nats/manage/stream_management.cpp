// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/stream_management.h"

#include <algorithm>

#include "core/base/foreign_text.h"
#include "nats/jetstream/api_call.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/jetstream/jetstream_error.h"
#include "nats/jetstream/stream_api.h"
#include "core/route/subject_set.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kNsPerMs = 1000000;

// How long a change is given to be overwritten by another one that did not know of it, and how
// often it is made again.
constexpr int64_t kSettleMs = 50;
constexpr int kMaxAttempts = 20;
constexpr int kMaxOverlaps = 3;

const char* Name(Storage storage) { return storage == Storage::kMemory ? "memory" : "file"; }

const char* Name(Discard discard) { return discard == Discard::kNew ? "new" : "old"; }

const char* Name(Retention retention) {
  if (retention == Retention::kWorkQueue) return "workqueue";
  return retention == Retention::kInterest ? "interest" : "limits";
}

int64_t LimitOrNone(int64_t limit) { return limit > 0 ? limit : -1; }

bool IsFixed(const std::string& field) { return field == "storage" || field == "retention"; }

// What the spec has to say, subjects aside, in the server's words.
Json Fields(const StreamSpec& spec) {
  Json fields = Json::object();
  if (spec.storage) fields["storage"] = Name(*spec.storage);
  if (spec.retention) fields["retention"] = Name(*spec.retention);
  if (spec.replicas) fields["num_replicas"] = *spec.replicas;
  if (spec.max_age_ms) fields["max_age"] = *spec.max_age_ms * kNsPerMs;
  if (spec.max_bytes) fields["max_bytes"] = LimitOrNone(*spec.max_bytes);
  if (spec.max_messages) fields["max_msgs"] = LimitOrNone(*spec.max_messages);
  if (spec.duplicate_window_ms) {
    fields["duplicate_window"] = *spec.duplicate_window_ms * kNsPerMs;
  }
  if (spec.discard) fields["discard"] = Name(*spec.discard);
  return fields;
}

std::vector<std::string> SubjectsIn(const Json& config) {
  std::vector<std::string> subjects;
  const auto found = config.find("subjects");
  if (found == config.end() || !found->is_array()) return subjects;
  for (const Json& subject : *found) {
    if (subject.is_string()) subjects.push_back(subject.get<std::string>());
  }
  return subjects;
}

// The configuration that is there, with what is wanted.
Json Merge(Json config, const StreamSpec& wanted) {
  const Json fields = Fields(wanted);
  for (const auto& field : fields.items()) {
    if (!IsFixed(field.key())) config[field.key()] = field.value();
  }
  config["subjects"] = Union(SubjectsIn(config), wanted.subjects);
  return config;
}

Json NewConfig(const StreamSpec& wanted) {
  const Json config = {
      {"name", wanted.name}, {"storage", "file"}, {"retention", "limits"}, {"discard", "old"}};
  Json merged = Merge(config, wanted);
  merged.update(Fields(wanted));
  return merged;
}

// For people.
std::string Shown(const std::string& field, const Json& value) {
  if (value.is_string()) return ForeignText(value.get<std::string>());
  if ((field == "max_age" || field == "duplicate_window") && value.is_number_integer()) {
    const auto ms = value.get<int64_t>() / kNsPerMs;
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
  }
  return value.is_null() ? "" : ForeignText(ToText(value));
}

std::vector<Difference> Compare(const StreamSpec& wanted, const Json& config) {
  std::vector<Difference> differences;
  const std::vector<std::string> subjects = SubjectsIn(config);
  if (Union(subjects, wanted.subjects) != subjects) {
    differences.push_back(
        {"subjects", ToText(wanted.subjects), Shown("subjects", subjects), /*changed=*/false});
  }
  const Json fields = Fields(wanted);
  for (const auto& field : fields.items()) {
    const Json found = config.value(field.key(), Json());
    if (found == field.value()) continue;
    differences.push_back({field.key(), Shown(field.key(), field.value()),
                           Shown(field.key(), found), /*changed=*/false});
  }
  return differences;
}

// The server's own words for this speak of none of our settings.
Status CheckWindow(const std::string& stream, const Json& config) {
  const int64_t window = IntegerAt(config, "duplicate_window");
  const int64_t max_age = IntegerAt(config, "max_age");
  if (max_age == 0 || window <= max_age) return Status::Ok();
  return Status::Invalid(StreamNamed(stream) + ": duplicate window of " +
                             Shown("duplicate_window", window) + " is longer than max_age of " +
                             Shown("max_age", max_age),
                         "The stream cannot tell duplicates of messages that it has dropped: "
                         "shorten the window or keep messages longer.");
}

bool IsChangeable(const Difference& difference) { return !IsFixed(difference.field); }

ApiAnswer AskForStream(JetStreamClient* js, const std::string& stream) {
  return CallApi(js, "STREAM.INFO." + stream, Json(), StreamNamed(stream));
}

// Those of the first look that the last one has not found any more have been changed.
void MarkChanged(const std::vector<Difference>& left, StreamOutcome* outcome) {
  for (Difference& difference : outcome->differences) {
    const auto same = [&](const Difference& other) { return other.field == difference.field; };
    difference.changed = std::none_of(left.begin(), left.end(), same);
  }
}

// What comes after an attempt.  kOverlaps: a few looks more, as a server that is just making this
// stream may take it for another one.
enum class Step : uint8_t { kDone, kLookAgain, kOverlaps };

// The stream that has one of the subjects; empty: none is found.
std::string FindOverlap(JetStreamClient* js, const StreamSpec& wanted) {
  for (const std::string& subject : wanted.subjects) {
    const ApiAnswer answer =
        CallApi(js, "STREAM.NAMES", {{"subject", subject}}, StreamNamed(wanted.name));
    const std::string other = StreamInNames(ToText(answer.body), wanted.name);
    if (!other.empty()) return other;
  }
  return "";
}

Status Create(JetStreamClient* js, const StreamSpec& wanted, StreamOutcome* outcome, Step* step) {
  const Json config = NewConfig(wanted);
  Status status = CheckWindow(wanted.name, config);
  if (!status.ok()) return status;
  ApiAnswer answer = CallApi(js, "STREAM.CREATE." + wanted.name, config, StreamNamed(wanted.name));
  if (answer.err_code == kStreamNameInUse) {  // somebody else was faster
    *step = Step::kLookAgain;
    return Status::Ok();
  }
  if (answer.err_code == kSubjectsOverlap) {
    *step = Step::kOverlaps;
    answer.status = OverlapWith(FindOverlap(js, wanted), std::move(answer.status));
  }
  outcome->created = answer.status.ok();
  return answer.status;
}

Status Update(JetStreamClient* js, const StreamSpec& wanted, const Json& config, Step* step) {
  const Json merged = Merge(config, wanted);
  Status status = CheckWindow(wanted.name, merged);
  if (!status.ok()) return status;
  ApiAnswer answer = CallApi(js, "STREAM.UPDATE." + wanted.name, merged, StreamNamed(wanted.name));
  if (answer.status.ok()) *step = Step::kLookAgain;
  return answer.status;
}

// One look, and at most one change.
Status Attempt(JetStreamClient* js, const StreamSpec& wanted, EnsureMode mode, bool first,
               StreamOutcome* outcome, Step* step) {
  *step = Step::kDone;
  const ApiAnswer found = AskForStream(js, wanted.name);
  if (found.err_code == kStreamNotFound && mode != EnsureMode::kVerify) {
    return Create(js, wanted, outcome, step);
  }
  if (!found.status.ok()) return found.status;
  if (IsBeingMade(TextAt(found.body, "created"))) {
    *step = Step::kLookAgain;
    return StillBeingMade(StreamNamed(wanted.name));
  }
  const Json config = ObjectAt(found.body, "config");
  const std::vector<Difference> differences = Compare(wanted, config);
  if (first) outcome->differences = differences;
  MarkChanged(differences, outcome);
  const bool changeable = std::any_of(differences.begin(), differences.end(), IsChangeable);
  if (mode != EnsureMode::kUpdate || !changeable) return Status::Ok();
  return Update(js, wanted, config, step);
}

Storage StorageOf(const std::string& name) {
  return name == "memory" ? Storage::kMemory : Storage::kFile;
}

Retention RetentionOf(const std::string& name) {
  if (name == "workqueue") return Retention::kWorkQueue;
  return name == "interest" ? Retention::kInterest : Retention::kLimits;
}

StreamSpec SpecOf(const Json& config) {
  StreamSpec spec;
  spec.name = TextAt(config, "name");
  for (const std::string& subject : SubjectsIn(config)) {
    spec.subjects.push_back(IsPlainText(subject, kMaxName) ? subject : ForeignText(subject));
  }
  spec.storage = StorageOf(TextAt(config, "storage"));
  spec.retention = RetentionOf(TextAt(config, "retention"));
  spec.replicas = SmallIntegerAt(config, "num_replicas");
  spec.max_age_ms = IntegerAt(config, "max_age") / kNsPerMs;
  spec.max_bytes = IntegerAt(config, "max_bytes");
  spec.max_messages = IntegerAt(config, "max_msgs");
  spec.duplicate_window_ms = IntegerAt(config, "duplicate_window") / kNsPerMs;
  spec.discard = TextAt(config, "discard") == "new" ? Discard::kNew : Discard::kOld;
  return spec;
}

}  // namespace

Status GetStreamInfo(JetStreamClient* js, const std::string& stream, StreamInfo* info) {
  Status status = CheckName("stream", stream);
  if (!status.ok()) return status;
  ApiAnswer answer = AskForStream(js, stream);
  if (!answer.status.ok()) return answer.status;
  const Json state = ObjectAt(answer.body, "state");
  info->config = SpecOf(ObjectAt(answer.body, "config"));
  info->created = TextAt(answer.body, "created");
  info->leader = TextAt(ObjectAt(answer.body, "cluster"), "leader");
  info->messages = CountAt(state, "messages");
  info->bytes = CountAt(state, "bytes");
  info->first_sequence = CountAt(state, "first_seq");
  info->last_sequence = CountAt(state, "last_seq");
  info->consumers = CountAt(state, "consumer_count");
  return status;
}

Status EnsureStream(JetStreamClient* js, const StreamSpec& wanted, EnsureMode mode,
                    StreamOutcome* outcome) {
  *outcome = {};
  if (mode == EnsureMode::kOff) return Status::Ok();
  Status status = CheckName("stream", wanted.name);
  if (status.ok()) status = CheckWindow(wanted.name, Fields(wanted));
  if (!status.ok()) return status;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    Step step;
    status = Attempt(js, wanted, mode, attempt == 0, outcome, &step);
    const bool overlaps_for_good = step == Step::kOverlaps && attempt >= kMaxOverlaps;
    if (step == Step::kDone || overlaps_for_good) return status;
    js->Sleep(kSettleMs);
  }
  if (!status.ok()) return status;
  return Status::Unavailable(StreamNamed(wanted.name) + " does not stay as it is made",
                             "Another database or program has other settings for it.");
}

}  // namespace fraiseql::nats

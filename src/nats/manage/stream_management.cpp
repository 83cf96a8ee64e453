// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/stream_management.h"

#include <algorithm>

#include "core/base/foreign_text.h"
#include "core/route/subject_set.h"
#include "nats/base/names.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/jetstream/jetstream_error.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kNsPerMs = 1000000;

// The time after which a change is checked, because a concurrent one may overwrite it, and the
// number of attempts.
constexpr int64_t kSettleMs = 50;
constexpr int kMaxAttempts = 20;
constexpr int kMaxOverlaps = 3;

// The value for a message to the user.
std::string Shown(const std::string& field, const Json& value) {
  if (value.is_string()) return ForeignText(value.get<std::string>());
  if ((field == "max_age" || field == "duplicate_window") && value.is_number_integer()) {
    const auto ms = value.get<int64_t>() / kNsPerMs;
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
  }
  return value.is_null() ? "" : ForeignText(ToText(value));
}

// The value of a field that the server leaves out: an older one does not know it, or it has the
// default.
Json Omitted(const std::string& field) {
  if (field == "compression") return "none";
  return field == "max_msgs_per_subject" ? Json(-1) : Json();
}

Differences Compare(const StreamSpec& wanted, const Json& config) {
  Differences differences;
  const std::vector<std::string> subjects = ListAt(config, "subjects");
  if (Union(subjects, wanted.subjects) != subjects) {
    differences.push_back(
        {"subjects", ToText(wanted.subjects), Shown("subjects", subjects), /*changed=*/false});
  }
  const Json fields = StreamFields(wanted);
  for (const auto& field : fields.items()) {
    const Json found = config.value(field.key(), Omitted(field.key()));
    if (found == field.value()) continue;
    differences.push_back({field.key(), Shown(field.key(), field.value()),
                           Shown(field.key(), found), /*changed=*/false});
  }
  return differences;
}

// Checked here because the server's error does not name our settings.
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

bool IsChangeable(const Difference& difference) { return !IsFixedField(difference.field); }

ApiAnswer AskForStream(JetStreamClient* js, const std::string& stream) {
  return js->Call("STREAM.INFO." + stream, StreamNamed(stream));
}

// The differences of the first check that the last one has not found have been changed.
void MarkChanged(const Differences& left, Differences* outcome) {
  for (Difference& difference : *outcome) {
    const auto same = [&](const Difference& other) { return other.field == difference.field; };
    difference.changed = std::none_of(left.begin(), left.end(), same);
  }
}

// The step after an attempt.  kOverlaps: checks a few more times, because a server that is just
// creating this stream may report it as another one with overlapping subjects.
enum class Step : uint8_t { kDone, kLookAgain, kOverlaps };

// The other stream that has one of the subjects; empty: none is found.
std::string FindOverlap(JetStreamClient* js, const StreamSpec& wanted) {
  for (const std::string& subject : wanted.subjects) {
    const ApiAnswer answer =
        js->Call("STREAM.NAMES", {{"subject", subject}}, StreamNamed(wanted.name));
    const std::string other = StreamInNames(answer.body, wanted.name);
    if (!other.empty()) return other;
  }
  return "";
}

Status Create(JetStreamClient* js, const StreamSpec& wanted, Step* step) {
  const Json config = NewStreamConfig(wanted);
  Status status = CheckWindow(wanted.name, config);
  if (!status.ok()) return status;
  ApiAnswer answer = js->Call("STREAM.CREATE." + wanted.name, config, StreamNamed(wanted.name));
  if (answer.err_code == kStreamNameInUse) {  // another client has just created it
    *step = Step::kLookAgain;
    return Status::Ok();
  }
  if (answer.err_code == kSubjectsOverlap) {
    *step = Step::kOverlaps;
    answer.status = OverlapWith(FindOverlap(js, wanted), std::move(answer.status));
  }
  return answer.status;
}

// A server that does not know a field leaves it out of its answer: another attempt would not help.
Status Update(JetStreamClient* js, const StreamSpec& wanted, const Json& config,
              Differences* outcome, Step* step) {
  const Json merged = MergedStreamConfig(config, wanted);
  Status status = CheckWindow(wanted.name, merged);
  if (!status.ok()) return status;
  ApiAnswer answer = js->Call("STREAM.UPDATE." + wanted.name, merged, StreamNamed(wanted.name));
  if (!answer.status.ok()) return answer.status;
  const Json answered = ObjectAt(answer.body, "config");
  const Differences left = Compare(wanted, answered);
  const bool unknown = std::any_of(left.begin(), left.end(), [&](const Difference& difference) {
    return !answered.contains(difference.field);
  });
  if (unknown) {
    MarkChanged(left, outcome);
  } else {
    *step = Step::kLookAgain;
  }
  return answer.status;
}

// Makes one check and at most one change.
Status Attempt(JetStreamClient* js, const StreamSpec& wanted, EnsureMode mode, bool first,
               Differences* outcome, Step* step) {
  *step = Step::kDone;
  const ApiAnswer found = AskForStream(js, wanted.name);
  if (found.err_code == kStreamNotFound) return Create(js, wanted, step);
  if (!found.status.ok()) return found.status;
  if (IsBeingMade(TextAt(found.body, "created"))) {
    *step = Step::kLookAgain;
    return StillBeingMade(StreamNamed(wanted.name));
  }
  const Json config = ObjectAt(found.body, "config");
  const Differences differences = Compare(wanted, config);
  if (first) *outcome = differences;
  MarkChanged(differences, outcome);
  const bool changeable = std::any_of(differences.begin(), differences.end(), IsChangeable);
  if (mode != EnsureMode::kUpdate || !changeable) return Status::Ok();
  return Update(js, wanted, config, outcome, step);
}

}  // namespace

Status GetStreamInfo(JetStreamClient* js, const std::string& stream, StreamInfo* info) {
  Status status = CheckName("stream", stream);
  if (!status.ok()) return status;
  const ApiAnswer answer = AskForStream(js, stream);
  return answer.status.ok() ? ReadStreamInfo(answer.body, StreamNamed(stream), info)
                            : answer.status;
}

Status CompareStream(JetStreamClient* js, const StreamSpec& wanted, std::optional<StreamInfo>* info,
                     Differences* differences) {
  info->reset();
  const ApiAnswer answer = AskForStream(js, wanted.name);
  if (answer.err_code == kStreamNotFound) return Status::Ok();
  if (!answer.status.ok()) return answer.status;
  StreamInfo found;
  const Status status = ReadStreamInfo(answer.body, StreamNamed(wanted.name), &found);
  if (!status.ok()) return status;
  *differences = Compare(wanted, ObjectAt(answer.body, "config"));
  *info = std::move(found);
  return status;
}

Status DeleteStream(JetStreamClient* js, const std::string& stream) {
  Status status = CheckName("stream", stream);
  if (!status.ok()) return status;
  const ApiAnswer answer = js->Call("STREAM.DELETE." + stream, StreamNamed(stream));
  return answer.err_code == kStreamNotFound ? Status::Ok() : answer.status;
}

Status EnsureStream(JetStreamClient* js, const StreamSpec& wanted, EnsureMode mode,
                    Differences* outcome) {
  *outcome = {};
  Status status = CheckName("stream", wanted.name);
  if (status.ok()) status = CheckWindow(wanted.name, StreamFields(wanted));
  if (!status.ok()) return status;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    Step step;
    status = Attempt(js, wanted, mode, attempt == 0, outcome, &step);
    const bool overlaps_for_good = step == Step::kOverlaps && attempt >= kMaxOverlaps;
    if (step == Step::kDone || overlaps_for_good) return status;
    js->Sleep(kSettleMs);
  }
  if (!status.ok()) return status;
  return Status::Unavailable(
      StreamNamed(wanted.name) + " is changed by another client after each update",
      "Another database or program has other settings for it.");
}

}  // namespace fraiseql::nats

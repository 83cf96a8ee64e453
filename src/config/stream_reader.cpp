// SPDX-License-Identifier: PostgreSQL
#include "config/stream_reader.h"

#include <algorithm>
#include <map>

#include "core/route/bucket.h"

namespace fraiseql {

namespace {

bool Has(const StreamRule& stream, std::string_view key) {
  return std::any_of(stream.values.begin(), stream.values.end(),
                     [=](const auto& value) { return value.first == key; });
}

void TakeAssignment(const Assignment& assignment, StreamRule* stream) {
  const std::string_view key = assignment.key->path.substr(kStreamsPath.size() + 1);
  if (key == "subjects") {
    stream->subjects = assignment.texts;
    return;
  }
  const std::string& text = assignment.texts.front();
  if (key == "name") stream->name = text;
  if (key == "kv" && stream->name.empty()) stream->name = "KV_" + text;
  stream->values.emplace_back(key, text);
}

// ok if the keys, each of them valid, make a valid stream together.
Status CheckStream(const StreamRule& stream) {
  if (Has(stream, "kv")) {
    if (stream.subjects.empty() && !Has(stream, "max_msgs_per_subject") && !Has(stream, "name")) {
      return Status::Ok();
    }
    return Status::Invalid(
        "name, subjects and max_msgs_per_subject of a bucket follow from kv and history",
        "Leave them out.");
  }
  if (Has(stream, "history")) {
    return Status::Invalid("a history is of a bucket",
                           "Name the bucket, as in kv = \"orders\", or set max_msgs_per_subject.");
  }
  if (stream.name.empty() || stream.subjects.empty()) {
    return Status::Invalid(
        "stream has no " + std::string(stream.name.empty() ? "name" : "subjects"),
        "Write name = \"orders\" and subjects = [\"order.>\"], or kv = \"orders\" for a bucket.");
  }
  if (stream.name == "default") {
    return Status::Invalid("\"default\" is the stream of the settings",
                           "Write its settings in [transport.nats].");
  }
  if (BucketOfStream(stream.name).empty()) return Status::Ok();
  return Status::Invalid("\"" + stream.name + "\" is the stream of a bucket",
                         "Write kv = \"" + stream.name.substr(3) + "\", or choose another name.");
}

}  // namespace

void ReadStream(const std::string& file, const TomlValue& table, SectionReader* reader,
                std::vector<StreamRule>* streams) {
  std::vector<Assignment> assignments;
  if (!reader->ReadTable(table, kStreamsPath, "", &assignments)) return;
  StreamRule stream;
  stream.where = PlaceText(file, table.at);
  for (const Assignment& assignment : assignments) TakeAssignment(assignment, &stream);
  const Status status = CheckStream(stream);
  if (status.ok()) {
    streams->push_back(std::move(stream));
  } else {
    reader->AddError(table.at, status.message(), status.hint());
  }
}

void CheckStreamNames(const std::vector<StreamRule>& streams, ConfigProblems* problems) {
  std::map<std::string, std::string> where_of_names;
  for (const StreamRule& stream : streams) {
    const auto [named, is_new] = where_of_names.emplace(stream.name, stream.where);
    if (is_new) continue;
    problems->errors.push_back(
        {stream.where,
         {},
         "stream \"" + stream.name + "\" is already declared at " + named->second,
         "Give it another name."});
  }
}

}  // namespace fraiseql

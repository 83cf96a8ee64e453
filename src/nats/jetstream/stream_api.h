// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"
#include "nats/jetstream/stored_message.h"

namespace fraiseql::nats {

// Requests of the JetStream API that concern a stream, with their bodies and their answers.

// Asks which streams have a subject in common with `subject`.
constexpr std::string_view kNamesRequest = "STREAM.NAMES";
std::string StreamNamesRequest(std::string_view subject);

// The first stream in the answer that is not `own`, as it may be shown; empty: there is none.
std::string StreamInNames(std::string_view answer, std::string_view own);

// What JetStream says of a stream that cannot be made, with the name of the other one (empty: it is
// not known).
Status OverlapWith(const std::string& other, Status refused);

std::string StreamInfoRequest(std::string_view stream);
std::string StreamCreateRequest(std::string_view stream);

// The body of a create request; limits that the settings do not name are the server's defaults.
std::string StreamConfig(const StreamSettings& settings);

struct ApiReply {
  bool not_found = false;  // the stream; then `status` is not ok, too
  Status status;           // ok: done
  bool overlaps = false;   // it cannot be made, as another one has one of its subjects
};

// `what` begins the text of an error: 'stream "orders"'.
ApiReply ParseApiReply(std::string_view data, std::string_view what);

// True of the time that a server without clusters tells as long as a stream is still being made.
// It is listed already, but has no store: whoever changes it then ends nats-server 2.9 (a nil
// pointer in stream.updateWithAdvisory).
bool IsBeingMade(std::string_view created);
Status StillBeingMade(std::string_view what);  // kUnavailable; `what` as in ParseApiReply()

// What the answer to either request says of the stream.
struct StreamState {
  std::string created;  // as the server writes it; tells streams of the same name apart
  uint64_t last_sequence = 0;
  // It has messages from before that time, or has had some that are gone: nats-server 2.9 calls a
  // stream whose configuration was changed as old as its own next start.
  bool is_older_than_created = false;
  int replicas = 1;
  // Else it is replicated, and any of its servers has answered, with what it knows.
  bool has_leader = true;
  bool keeps_consumed = true;  // retention by limits only
  // That it takes; empty: not known.
  std::vector<std::string> subjects;
};
// kUnavailable if that makes no sense; `what` as in ParseApiReply().
Status ParseStreamState(std::string_view data, std::string_view what, StreamState* state);

// Asks for one message: the first at or behind a place, or the last.
std::string MessageGetRequest(std::string_view stream);
std::string NextMessageRequest(uint64_t from);
constexpr char kLastMessageRequest[] = R"({"last_by_subj":">"})";
// None if there is none; then the status is ok.  `what` as in ParseApiReply().
Status ParseMessageReply(std::string_view data, std::string_view what,
                         std::optional<StoredMessage>* message);

}  // namespace fraiseql::nats

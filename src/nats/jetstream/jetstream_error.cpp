// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/jetstream_error.h"

#include <string>

#include "core/base/foreign_text.h"
#include "core/base/number.h"

namespace fraiseql::nats {

namespace {

struct KnownError {
  int err_code;
  StatusCode code;
  const char* hint;
};

constexpr char kStreamFull[] =
    "The stream is full and discards new messages: raise its limits, purge it, or let it discard "
    "old ones.";
constexpr char kStorageFull[] = "Raise the storage limits of the NATS account or server.";
constexpr char kDiskFull[] = "The disk of the NATS server is full: make room there.";
constexpr char kNoLeader[] = "The NATS cluster may be electing a leader or lack a quorum.";
constexpr char kNoPeers[] =
    "The NATS cluster has fewer servers, or fewer with enough storage, than the stream has "
    "replicas.";
constexpr char kNoJetStream[] = "Enable JetStream in the NATS server, and for the account.";
constexpr char kOtherStream[] = "Check stream_name and stream_subjects.";

constexpr char kConsumers[] =
    "Raise max_consumers of the stream or the account, or delete consumers that are not needed: "
    "publishing takes one for a moment, to read what is stored.";
constexpr char kStreams[] =
    "Raise the limit of streams of the NATS account, delete a stream that is not needed, or set "
    "fraiseql_nats.stream_name to one that exists.";
constexpr char kSealed[] =
    "A sealed stream takes no messages and cannot be opened again: set fraiseql_nats.stream_name "
    "to another one, or delete the stream.";
constexpr char kAccountMaxBytes[] =
    "The NATS account limits the size of a stream: set fraiseql_nats.max_bytes to a size that it "
    "allows, or raise its limit.";
constexpr char kNoTier[] =
    "The NATS account has no limits for this number of replicas: choose another one in "
    "fraiseql_nats.replicas, or give the account such a tier.";

// The errors that need another code than their HTTP code gives, or a hint.
constexpr KnownError kKnownErrors[] = {
    {10002, StatusCode::kUnavailable, kStorageFull},  // account's resources exceeded
    {10005, StatusCode::kUnavailable, kNoPeers},      // no suitable peers
    {10008, StatusCode::kUnavailable, kNoLeader},     // temporarily unavailable
    {10023, StatusCode::kUnavailable, kStorageFull},  // insufficient resources
    {10025, StatusCode::kInvalid, ""},                // invalid request
    {kConsumersExhausted, StatusCode::kUnavailable, kConsumers},
    {10027, StatusCode::kUnavailable, kStreams},
    {10028, StatusCode::kUnavailable, kStorageFull},  // memory exceeded
    {10039, StatusCode::kInvalid, kNoJetStream},      // not enabled for the account
    {10047, StatusCode::kUnavailable, kStorageFull},  // storage exceeded
    {10052, StatusCode::kInvalid, kOtherStream},      // invalid stream configuration
    {10054, StatusCode::kRejected, "Raise max_msg_size of the stream."},
    {kStreamNameInUse, StatusCode::kInvalid,
     kOtherStream},  // name in use with another configuration
    {kStreamNotFound, StatusCode::kInvalid, "Create the stream, or check stream_name."},
    {10060, StatusCode::kInvalid, kOtherStream},  // not the expected stream
    {10063, StatusCode::kUnavailable, ""},        // expected sequence mismatch, while recovering
    {kSubjectsOverlap, StatusCode::kInvalid,
     kOtherStream},                                      // subjects overlap with another stream's
    {10070, StatusCode::kUnavailable, ""},               // wrong last message id: reopen, resend
    {kWrongLastSequence, StatusCode::kUnavailable, ""},  // wrong last sequence: reopen, resend
    {10074, StatusCode::kInvalid, "Replicas need a NATS cluster."},
    {10076, StatusCode::kInvalid, kNoJetStream},  // not enabled
    {10077, StatusCode::kUnavailable, kStreamFull},
    {10097, StatusCode::kRejected, "NATS takes at most 64 kB of headers."},
    {10109, StatusCode::kInvalid, kSealed},
    {10113, StatusCode::kInvalid, kAccountMaxBytes},  // the account requires a limit
    {10118, StatusCode::kUnavailable, kNoLeader},     // stream offline
    {10120, StatusCode::kInvalid, kNoTier},
    {10122, StatusCode::kInvalid, kAccountMaxBytes},
    {kMessageBeingStored, StatusCode::kUnavailable, ""},
    {10167, StatusCode::kUnavailable, "The stream's server is overloaded."},
};

StatusCode ByHttpCode(int code) {
  const bool wrong_request = code >= 400 && code < 500 && code != 408 && code != 429;
  return wrong_request ? StatusCode::kInvalid : StatusCode::kUnavailable;
}

}  // namespace

bool IsWrongExpectation(const JetStreamError& error) {
  return error.err_code == 10070 || error.err_code == kWrongLastSequence;
}

bool IsMissingHere(int err_code) {
  return err_code == kStreamNotFound || err_code == 10039 || err_code == 10076;
}

Status ToStatus(const JetStreamError& error, std::string_view what) {
  std::string message(what);
  message.append(": ").append(ForeignText(error.description)).append(" (JetStream error ");
  AppendDecimal(error.err_code != 0 ? error.err_code : error.code, &message);
  message.push_back(')');
  if (error.description.find("no space left") != std::string_view::npos) {
    return {StatusCode::kUnavailable, std::move(message), kDiskFull};
  }
  for (const KnownError& known : kKnownErrors) {
    if (known.err_code == error.err_code) return {known.code, std::move(message), known.hint};
  }
  return {ByHttpCode(error.code), std::move(message)};
}

}  // namespace fraiseql::nats

// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fraiseql::nats {

// The address of the broker and the credentials for it.  Empty: not set.  The files are read at
// every connect, so that a rotated secret needs no restart.
struct BrokerSettings {
  std::string url = "nats://localhost:4222";  // or several, separated by commas
  std::string prefer;  // the URL of several to try first, without credentials; empty: any

  // At most one of user, token_file, creds_file and nkey_seed_file; each goes with or without TLS.
  std::string user;
  std::string password_file;  // of `user`
  std::string token_file;
  std::string creds_file;  // a user's JWT and seed, as nsc writes them
  std::string nkey_seed_file;

  // TLS is used if one of the files is set, or by the scheme tls:// in `url`.
  std::string tls_ca_file;  // empty: the CAs of the system
  std::string tls_cert_file;
  std::string tls_key_file;
  bool tls_verify = true;  // verify the server's certificate and its host name
  bool tls_first = false;  // the TLS handshake precedes the server's INFO

  int connect_timeout_ms = 2000;              // for each server
  std::string client_name = "fraiseql_nats";  // shown by the server's monitoring
  std::string inbox_prefix = "_INBOX";        // of the subjects for replies
  std::string js_domain;                      // empty: the domain of the server
  size_t max_answer = 4 * 1024 * 1024;        // bytes
};

enum class Storage { kFile, kMemory };
enum class Discard : uint8_t { kOld, kNew };  // the messages that a full stream discards
enum class Retention : uint8_t { kLimits, kInterest, kWorkQueue };
enum class Compression : uint8_t { kNone, kS2 };  // nats-server stores uncompressed before 2.10

// The wanted configuration of a stream.  A value that is not set is the server's default in a new
// stream, and is not changed in an existing one.
struct StreamSpec {
  std::string name;
  std::vector<std::string> subjects;
  std::optional<Storage> storage;      // fixed when the stream is created
  std::optional<Retention> retention;  // the same
  std::optional<int> replicas;
  std::optional<int64_t> max_age_ms;                // 0: no limit
  std::optional<int64_t> max_bytes;                 // -1: no limit
  std::optional<int64_t> max_messages;              // -1: no limit
  std::optional<int64_t> max_messages_per_subject;  // -1: no limit
  std::optional<int64_t> duplicate_window_ms;
  std::optional<Discard> discard;
  std::optional<Compression> compression;
  bool is_bucket = false;  // of the key-value store (ADR-8), which clients expect to be set up so
  bool allows_batches =
      false;  // fast-ingest batches (ADR-50), which nats-server knows from 2.14 on
};

// Whether each message expects the one before it (see Chain), which needs a stream without other
// publishers.
enum class Exclusive : uint8_t { kAuto, kOn, kOff };

// The stream that stores the messages.
struct StreamSettings : StreamSpec {
  StreamSettings() {
    name = "fraiseql_events";
    subjects = {"fraiseql.>"};
  }

  bool create = true;  // false: a missing stream is an error
  Exclusive exclusive = Exclusive::kAuto;
  // The beginning of the Nats-Msg-Id of each of our messages, without the dot that follows it.
  std::string origin;
};

}  // namespace fraiseql::nats

// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fraiseql::nats {

// Where the broker is and how to prove who we are.  Empty: not set.  The files are read anew at
// every connect, so that a rotated secret needs no restart.
struct BrokerSettings {
  std::string url = "nats://localhost:4222";  // or several, separated by commas
  std::string prefer;  // of several, the one to try first, without credentials; empty: any

  // At most one of user, token_file, creds_file and nkey_seed_file; each goes with or without TLS.
  std::string user;
  std::string password_file;  // of `user`
  std::string token_file;
  std::string creds_file;  // a user's JWT and seed, as nsc writes it
  std::string nkey_seed_file;

  // TLS is used if one of the files is set, or by the scheme tls:// in `url`.
  std::string tls_ca_file;  // empty: the system's
  std::string tls_cert_file;
  std::string tls_key_file;
  bool tls_verify = true;  // the server's certificate, and its host name
  bool tls_first = false;  // TLS from the first byte, before the server says anything

  int connect_timeout_ms = 2000;              // for each server
  std::string client_name = "fraiseql_nats";  // as the server's monitoring shows us
  std::string inbox_prefix = "_INBOX";        // replies come to subjects below it
  std::string js_domain;                      // JetStream's; empty: that of the server
  size_t max_answer = 4 * 1024 * 1024;        // bytes
};

enum class Storage { kFile, kMemory };
enum class Discard : uint8_t { kOld, kNew };  // what a full stream does without
enum class Retention : uint8_t { kLimits, kInterest, kWorkQueue };

// What a stream is to be like.  A value that is not set is none of our business: the server's
// default in a new stream, left alone in one that exists.
struct StreamSpec {
  std::string name;
  std::vector<std::string> subjects;
  std::optional<Storage> storage;      // fixed when the stream is created
  std::optional<Retention> retention;  // the same
  std::optional<int> replicas;
  std::optional<int64_t> max_age_ms;    // 0: no limit
  std::optional<int64_t> max_bytes;     // -1: no limit
  std::optional<int64_t> max_messages;  // -1: no limit
  std::optional<int64_t> duplicate_window_ms;
  std::optional<Discard> discard;
};

// Whether messages are tied to one another, which needs a stream that nobody else writes to.
enum class Exclusive : uint8_t { kAuto, kOn, kOff };

// The stream that the messages are for.
struct StreamSettings : StreamSpec {
  StreamSettings() {
    name = "fraiseql_events";
    subjects = {"fraiseql.>"};
  }

  bool create = true;  // false: a missing stream is an error
  Exclusive exclusive = Exclusive::kAuto;
  // What the Nats-Msg-Id of each message of ours begins with, without the dot behind it.
  std::string origin;
};

}  // namespace fraiseql::nats

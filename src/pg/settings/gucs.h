// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// The values of the settings fraiseql_nats.*, maintained by Postgres; see gucs.cpp for their
// meaning.  Strings are never null.
struct Settings {
  // what runs
  bool enabled;
  char* databases;
  int capture;
  int max_workers;
  // broker
  char* url;
  char* username;
  char* password_file;
  char* token_file;
  char* creds_file;
  char* nkey_seed_file;
  char* tls_ca_file;
  char* tls_cert_file;
  char* tls_key_file;
  bool tls_verify;
  bool tls_first;
  char* inbox_prefix;
  char* js_domain;
  int connect_timeout_ms;
  int reconnect_delay_max_ms;
  // stream
  char* stream_name;
  char* stream_subjects;
  int storage;
  int replicas;
  int dedup_window_s;
  int stream_manage;
  int stream_exclusive;
  int max_age_s;                // 0: no limit
  double max_bytes;             // -1: no limit
  double max_msgs;              // -1: no limit
  double max_msgs_per_subject;  // -1: no limit
  int retention;
  int compression;
  int message_id_header;
  int discard;
  // consumer
  char* consumer_name;
  int max_deliver;
  int ack_wait_s;
  char* dlq_subject;
  // files
  char* config_file;
  char* observer_config_file;
  char* subject_prefix;
  char* topic_prefix;
  // delivery
  int window_messages;
  int window_kb;
  int ack_timeout_ms;
  int confirm_delay_ms;
  int transaction_buffer;
  bool slot_failover;  // false if the server has no failover slots
  int on_error;
  // notify
  bool notify_enrich;
  // session
  char* traceparent;
};

extern Settings settings;

constexpr int kStorageFile = 0;
constexpr int kStorageMemory = 1;

// The values of nats::Exclusive.
constexpr int kExclusiveAuto = 0;
constexpr int kExclusiveOn = 1;
constexpr int kExclusiveOff = 2;

// The values of nats::Retention.
constexpr int kRetentionLimits = 0;
constexpr int kRetentionInterest = 1;
constexpr int kRetentionWorkQueue = 2;

// The values of nats::Compression.
constexpr int kCompressionNone = 0;
constexpr int kCompressionS2 = 1;

// The values of message_id_header.
constexpr int kIdInNatsMsgId = 0;
constexpr int kIdInFraiseqlId = 1;

constexpr int kDiscardOld = 0;
constexpr int kDiscardNew = 1;

// The values of nats::EnsureMode.
constexpr int kManageOff = 0;
constexpr int kManageCreate = 1;
constexpr int kManageUpdate = 2;

constexpr char kDefaultConfigFile[] = "fraiseql.toml";
constexpr char kDefaultObserverConfigFile[] = "fraiseql-observer.toml";

constexpr int kOnErrorDeadLetter = 0;
constexpr int kOnErrorBlock = 1;

constexpr int kCaptureWal = 0;
constexpr int kCaptureNotify = 1;

// Called once, from _PG_init.
void DefineSettings();

// Counts changes of fraiseql_nats.traceparent in this session, which LogTraceContext() then logs.
extern unsigned traceparent_generation;

// Whether fraiseql_nats.databases includes the database of this name.
bool IsDatabaseWanted(const char* name);

}  // namespace fraiseql::pg

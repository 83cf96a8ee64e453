// SPDX-License-Identifier: PostgreSQL
#include "pg/settings/broker_config.h"

#include "core/base/comma_list.h"
#include "core/route/bucket.h"

#include "pg/settings/gucs.h"

namespace fraiseql::pg {

nats::BrokerSettings CurrentBrokerSettings(const char* database) {
  nats::BrokerSettings broker;
  broker.url = settings.url;
  broker.user = settings.username;
  broker.password_file = settings.password_file;
  broker.token_file = settings.token_file;
  broker.creds_file = settings.creds_file;
  broker.nkey_seed_file = settings.nkey_seed_file;
  broker.tls_ca_file = settings.tls_ca_file;
  broker.tls_cert_file = settings.tls_cert_file;
  broker.tls_key_file = settings.tls_key_file;
  broker.tls_verify = settings.tls_verify;
  broker.tls_first = settings.tls_first;
  broker.inbox_prefix = settings.inbox_prefix;
  broker.js_domain = settings.js_domain;
  broker.connect_timeout_ms = settings.connect_timeout_ms;
  broker.client_name = std::string("fraiseql_nats ") + database;
  return broker;
}

nats::StreamSettings CurrentStreamSettings(const Origin& origin) {
  nats::StreamSettings stream;
  AppendOrigin(origin, &stream.origin);
  stream.name = settings.stream_name;
  stream.subjects = ListItems(settings.stream_subjects);
  stream.storage =
      settings.storage == kStorageMemory ? nats::Storage::kMemory : nats::Storage::kFile;
  stream.create = settings.stream_manage != kManageOff;
  stream.replicas = settings.replicas;
  stream.max_age_ms = int64_t{settings.max_age_s} * 1000;
  stream.max_bytes = static_cast<int64_t>(settings.max_bytes);
  stream.max_messages = static_cast<int64_t>(settings.max_msgs);
  stream.max_messages_per_subject = static_cast<int64_t>(settings.max_msgs_per_subject);
  stream.retention = static_cast<nats::Retention>(settings.retention);
  stream.compression = static_cast<nats::Compression>(settings.compression);
  stream.allows_batches =
      settings.message_id_header == kIdInFraiseqlId && settings.capture == kCaptureWal;
  stream.is_bucket = IsBucket(stream.subjects);
  stream.discard = settings.discard == kDiscardNew ? nats::Discard::kNew : nats::Discard::kOld;
  stream.duplicate_window_ms = int64_t{settings.dedup_window_s} * 1000;
  stream.exclusive = static_cast<nats::Exclusive>(settings.stream_exclusive);
  return stream;
}

PipelineOptions CurrentPipelineOptions() {
  PipelineOptions options;
  options.window_messages = static_cast<size_t>(settings.window_messages);
  options.window_bytes = static_cast<size_t>(settings.window_kb) * 1024;
  options.ack_timeout_ms = settings.ack_timeout_ms;
  options.max_delay_ms = settings.reconnect_delay_max_ms;
  options.notes_streams = true;
  return options;
}

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
#include "config/config_keys.h"

#include <algorithm>
#include <limits>

#include "config/value_checks.h"
#include "core/route/subject.h"

namespace fraiseql {

namespace {

// The ranges of the Postgres settings.
constexpr int64_t kMaxCount = int64_t{1} << 53;
constexpr int64_t kMaxDays = std::numeric_limits<int32_t>::max() / 86400;
constexpr int64_t kMaxAckWaitSeconds = 86400;
constexpr int64_t kMaxDeliveries = 1'000'000;

constexpr KnownKey String(std::string_view path, Status (*check)(std::string_view),
                          std::string_view setting = {}, std::string_view environment = {}) {
  return {path, ValueType::kString, setting, environment, check};
}
constexpr KnownKey Boolean(std::string_view path, std::string_view setting) {
  return {path, ValueType::kBoolean, setting, {}};
}
constexpr KnownKey Integer(std::string_view path, int64_t min, int64_t max, std::string_view unit,
                           std::string_view setting, std::string_view environment) {
  return {path, ValueType::kInteger, setting, environment, nullptr, min, max, unit};
}
constexpr KnownKey Strings(std::string_view path, Status (*check)(std::string_view)) {
  return {path, ValueType::kStrings, {}, {}, check};
}

// Both -1 and 0 mean "no limit" for the stream.
constexpr KnownKey kKnownKeys[] = {
    Boolean("observers.enabled", "enabled"),
    String("observers.backend", CheckBackend),
    String("observers.nats_url", CheckServerUrls, "url"),
    {kRulesPath, ValueType::kTables, {}, {}},

    String("observers.rules.name", CheckRuleName),
    String("observers.rules.table", CheckTable),
    String("observers.rules.entity", CheckEntity),
    String("observers.rules.event", CheckEvent),
    String("observers.rules.event_type", CheckEvent),
    Strings("observers.rules.events", CheckEvent),
    String("observers.rules.subject", CheckRuleSubject),
    String("observers.rules.condition", CheckCondition),
    String("observers.rules.when", CheckWhen),
    Strings("observers.rules.columns", CheckColumn),
    String("observers.rules.format", CheckFormat),
    String("observers.rules.source", CheckSource),
    String("observers.rules.stream", CheckStreamName),

    {kStreamsPath, ValueType::kTables, {}, {}},
    String("streams.name", CheckStreamName),
    Strings("streams.subjects", CheckStreamSubject),
    String("streams.storage", CheckStorage),
    Integer("streams.replicas", 1, 5, "", {}, {}),
    String("streams.max_age", CheckInterval),
    Integer("streams.max_bytes", -1, kMaxCount, "", {}, {}),
    Integer("streams.max_msgs", -1, kMaxCount, "", {}, {}),
    Integer("streams.max_msgs_per_subject", -1, kMaxCount, "", {}, {}),
    String("streams.dedup_window", CheckInterval),
    String("streams.discard", CheckDiscard),
    String("streams.retention", CheckRetention),
    String("streams.compression", CheckCompression),
    String("streams.message_id_header", CheckIdHeader),
    String("streams.exclusive", CheckExclusive),
    String("streams.manage", CheckManage),
    String("streams.subject_prefix", CheckSubject),
    String("streams.topic_prefix", CheckSubject),
    String("streams.kv", CheckBucket),
    Integer("streams.history", 1, 64, "", {}, {}),

    String("transport.transport", CheckTransport, {}, "FRAISEQL_OBSERVER_TRANSPORT"),
    String("transport.nats.url", CheckServerUrls, "url", "FRAISEQL_NATS_URL"),
    String("transport.nats.subject_prefix", CheckSubject, "subject_prefix",
           "FRAISEQL_NATS_SUBJECT_PREFIX"),
    String("transport.nats.consumer_name", CheckConsumerName, "consumer_name",
           "FRAISEQL_NATS_CONSUMER_NAME"),
    String("transport.nats.stream_name", CheckStreamName, "stream_name",
           "FRAISEQL_NATS_STREAM_NAME"),
    Integer("transport.nats.jetstream.dedup_window_minutes", 1, 60, "min", "dedup_window",
            "FRAISEQL_NATS_DEDUP_WINDOW_MINUTES"),
    Integer("transport.nats.jetstream.max_age_days", 0, kMaxDays, "d", "max_age",
            "FRAISEQL_NATS_MAX_AGE_DAYS"),
    Integer("transport.nats.jetstream.max_msgs", -1, kMaxCount, "", "max_msgs",
            "FRAISEQL_NATS_MAX_MSGS"),
    Integer("transport.nats.jetstream.max_bytes", -1, kMaxCount, "", "max_bytes",
            "FRAISEQL_NATS_MAX_BYTES"),
    Integer("transport.nats.jetstream.ack_wait_secs", 1, kMaxAckWaitSeconds, "s", "ack_wait",
            "FRAISEQL_NATS_ACK_WAIT_SECS"),
    Integer("transport.nats.jetstream.max_deliver", 1, kMaxDeliveries, "", "max_deliver",
            "FRAISEQL_NATS_MAX_DELIVER"),
};

constexpr char kRemove[] = "Remove it.";
constexpr char kActions[] = "actions are run by FraiseQL's own runtime";
constexpr char kActionsHint[] =
    "Remove it; fraiseql_nats publishes to NATS, where services act on the messages.";
constexpr char kPolling[] = "fraiseql_nats reads the log as it is written and does not poll";
constexpr char kBuffers[] = "fraiseql_nats limits its memory in another way";
constexpr char kBuffersHint[] =
    "Remove it, and set fraiseql_nats.window_messages and fraiseql_nats.window_bytes.";
constexpr char kReloading[] = "fraiseql_nats applies changes when Postgres is reloaded";
constexpr char kPool[] = "fraiseql_nats runs inside the server and has no pool of connections";
constexpr char kDeadLetters[] = "dead letters are kept in the stream, under its limits";
constexpr char kOnce[] = "fraiseql_nats stores each message once, by its message id";
constexpr char kLease[] = "fraiseql_nats runs only on the primary and needs no lease";

constexpr RefusedKey kRefusedKeys[] = {
    {"observers.nats", "FraiseQL has no such section", "Write nats_url in [observers]."},
    {"observers.publish", "fraiseql_nats publishes changes of tables and does not see mutations",
     "Declare the table in [[observers.rules]], or call fraiseql_nats.publish()."},
    {"observers.subscribe", "fraiseql_nats publishes to NATS and does not subscribe",
     "Subscribe in a service that calls the function."},
    {"observers.poll_interval_ms", kPolling, kRemove},
    {"observers.batch_size", kBuffers, kBuffersHint},
    {"observers.channel_capacity", kBuffers, kBuffersHint},
    {"observers.max_concurrency", kActions, kActionsHint},
    {"observers.auto_reload", kReloading, kRemove},
    {"observers.reload_interval_secs", kReloading, kRemove},
    {"observers.max_dlq_size", kDeadLetters, kRemove},
    {"observers.pool", kPool, kRemove},
    {"observers.checkpoint_strategy", kOnce, kRemove},
    {"observers.idempotency_table", kOnce, kRemove},
    {"observers.lease_ttl_secs", kLease, kRemove},

    {"observers.rules.actions", kActions, kActionsHint},
    {"observers.rules.retry", "fraiseql_nats sends a message until the stream has it", kRemove},
    {"observers.rules.on_failure", kActions, kActionsHint},

    {"transport.backend", "FraiseQL has no such key", "Write transport = \"nats\" in [transport]."},

    {"nats", "FraiseQL has no such section",
     "The stream is set in [transport.nats] of fraiseql-observer.toml, credentials in "
     "postgresql.conf: fraiseql_nats.token_file, fraiseql_nats.creds_file and others."},
};

constexpr char kOwn[] = "it is for FraiseQL";
constexpr char kDropped[] = "FraiseQL no longer reads it";
constexpr char kKeep[] = "It may stay where it is.";
constexpr char kSwitchHint[] =
    "To switch fraiseql_nats off, set \"fraiseql_nats.enabled\" to off, or write enabled = false "
    "in "
    "[observers] of fraiseql-observer.toml.";

constexpr IdleKey kIdleKeys[] = {
    {"observers.enabled",
     "it switches FraiseQL's own runtime, and not fraiseql_nats",
     kSwitchHint,
     {},
     /*in_shared_file_only=*/true},
    {"observers.redis_url", kOwn, kKeep},
    {"observers.handlers", kOwn, kKeep},

    {"transport.run_bridge", kDropped, kRemove, "FRAISEQL_NATS_ENABLE_BRIDGE"},
    {"transport.run_executors", kDropped, kRemove, "FRAISEQL_NATS_RUN_EXECUTORS"},
    {"transport.bridge", kDropped, kRemove},
    {"redis", kDropped, kRemove},
    {"performance", kDropped, kRemove},
    {"job_queue", kDropped, kRemove},
    {"clickhouse", kDropped, "Remove it, and feed ClickHouse from the stream."},
    {"channel_capacity", kDropped, kBuffersHint},
    {"max_concurrency", kDropped, kRemove},
    {"backlog_alert_threshold", kDropped,
     "Remove it, and watch lag_bytes of fraiseql_nats.status()."},
    {"shutdown_timeout", kDropped, kRemove},
    {"max_dlq_size", kDropped, kRemove},
};

constexpr IdleKey kRuntimeKey = {kRuntimePath, "it is for FraiseQL's own runtime", kKeep};

constexpr char kBackend[] =
    "it chooses what FraiseQL's own runtime uses, fraiseql_nats publishes to NATS all the same";

constexpr IdleValue kIdleValues[] = {
    // FraiseQL's names for its backends, since version 2.15.
    {"observers.backend", "postgres", SettingSource::kFile, kBackend, kSwitchHint},
    {"observers.backend", "postgresql", SettingSource::kFile, kBackend, kSwitchHint},
    {"observers.backend", "redis", SettingSource::kFile, kBackend, kSwitchHint},
    {"observers.backend", "mysql", SettingSource::kFile, kBackend, kSwitchHint},
    {"observers.backend", "in-memory", SettingSource::kFile, kBackend, kSwitchHint},
    {"transport.transport", "postgres", SettingSource::kFile, kBackend, kSwitchHint},
    {"transport.transport", "in_memory", SettingSource::kFile, kBackend, kSwitchHint},
    {"transport.transport", "postgres", SettingSource::kEnvironment, kBackend, kSwitchHint},
    {"transport.transport", "postgresql", SettingSource::kEnvironment, kBackend, kSwitchHint},
    {"transport.transport", "in_memory", SettingSource::kEnvironment, kBackend, kSwitchHint},
    {"transport.transport", "inmemory", SettingSource::kEnvironment, kBackend, kSwitchHint},
    {"transport.transport", "memory", SettingSource::kEnvironment, kBackend, kSwitchHint},
};

// The name of `path` in `section`, or nothing if it is not allowed in it.
std::string_view NameIn(std::string_view section, std::string_view path) {
  if (!section.empty()) {
    if (path.size() <= section.size() + 1 || path.substr(0, section.size()) != section ||
        path[section.size()] != '.') {
      return {};
    }
    path.remove_prefix(section.size() + 1);
  }
  return path.substr(0, path.find('.'));
}

template <typename Table>
auto FindPath(const Table& table, std::string_view path) {
  const auto found = std::find_if(std::begin(table), std::end(table),
                                  [path](const auto& key) { return key.path == path; });
  return found == std::end(table) ? nullptr : &*found;
}

}  // namespace

const KnownKey* FindKnownKey(std::string_view path) { return FindPath(kKnownKeys, path); }
const RefusedKey* FindRefusedKey(std::string_view path) { return FindPath(kRefusedKeys, path); }

const IdleKey* FindIdleKey(std::string_view path, SettingSource source) {
  if (!NameIn(kRuntimePath, path).empty()) return &kRuntimeKey;
  const IdleKey* key = FindPath(kIdleKeys, path);
  const bool is_idle =
      key != nullptr && (!key->in_shared_file_only || source == SettingSource::kFile);
  return is_idle ? key : nullptr;
}

const IdleValue* FindIdleValue(std::string_view path, std::string_view value,
                               SettingSource source) {
  for (const IdleValue& idle : kIdleValues) {
    if (idle.path == path && idle.value == value && idle.source == source) return &idle;
  }
  return nullptr;
}

bool IsSection(std::string_view path) {
  const auto is_below = [path](const auto& key) { return !NameIn(path, key.path).empty(); };
  return path == kRuntimePath ||
         std::any_of(std::begin(kKnownKeys), std::end(kKnownKeys), is_below);
}

std::vector<std::string_view> NamesIn(std::string_view section) {
  std::vector<std::string_view> names;
  for (const KnownKey& key : kKnownKeys) {
    const std::string_view name = NameIn(section, key.path);
    const bool is_new = std::find(names.begin(), names.end(), name) == names.end();
    if (!name.empty() && is_new) names.push_back(name);
  }
  return names;
}

std::vector<const KnownKey*> KeysOfEnvironment() {
  std::vector<const KnownKey*> keys;
  for (const KnownKey& key : kKnownKeys) {
    if (!key.environment.empty()) keys.push_back(&key);
  }
  return keys;
}

std::vector<const IdleKey*> IdleKeysOfEnvironment() {
  std::vector<const IdleKey*> keys;
  for (const IdleKey& key : kIdleKeys) {
    if (!key.environment.empty()) keys.push_back(&key);
  }
  return keys;
}

}  // namespace fraiseql

// SPDX-License-Identifier: PostgreSQL
#include "config/config_keys.h"

#include <algorithm>
#include <limits>

#include "config/value_checks.h"
#include "core/subject.h"

namespace fraiseql {

namespace {

// What the settings of Postgres take.
constexpr int64_t kMaxCount = int64_t{1} << 53;
constexpr int64_t kMaxDays = std::numeric_limits<int32_t>::max() / 86400;
constexpr int64_t kMaxAckWaitSeconds = 86400;
constexpr int64_t kMaxDeliveries = 1'000'000;

constexpr KnownKey String(std::string_view path, Status (*check)(std::string_view),
                          std::string_view setting = {}, std::string_view environment = {}) {
  return {path, ValueType::kString, setting, environment, check};
}
constexpr KnownKey Boolean(std::string_view path, std::string_view setting = {},
                           std::string_view environment = {}) {
  return {path, ValueType::kBoolean, setting, environment};
}
constexpr KnownKey Integer(std::string_view path, int64_t min, int64_t max, std::string_view unit,
                           std::string_view setting, std::string_view environment) {
  return {path, ValueType::kInteger, setting, environment, nullptr, min, max, unit};
}
constexpr KnownKey Strings(std::string_view path, Status (*check)(std::string_view)) {
  return {path, ValueType::kStrings, {}, {}, check};
}

// -1 is the stream's "no limit", and so is 0.
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

    String("transport.transport", CheckTransport, {}, "FRAISEQL_OBSERVER_TRANSPORT"),
    Boolean("transport.run_bridge", {}, "FRAISEQL_NATS_ENABLE_BRIDGE"),
    Boolean("transport.run_executors", {}, "FRAISEQL_NATS_RUN_EXECUTORS"),
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
constexpr char kBuffers[] = "fraiseql_nats bounds its memory otherwise";
constexpr char kBuffersHint[] =
    "Remove it, and set fraiseql_nats.window_messages and fraiseql_nats.window_bytes.";
constexpr char kReloading[] = "fraiseql_nats applies changes when Postgres is reloaded";
constexpr char kRedis[] = "fraiseql_nats does not use Redis";
constexpr char kPool[] = "fraiseql_nats runs inside the server and has no pool of connections";
constexpr char kDeadLetters[] = "dead letters are kept in the stream, under its limits";
constexpr char kOnce[] = "fraiseql_nats stores each message once, by its message id";
constexpr char kLease[] = "fraiseql_nats runs on the primary alone and needs no lease";
constexpr char kRuntime[] = "this is a part of FraiseQL's own runtime";

constexpr RefusedKey kRefusedKeys[] = {
    {"observers.redis_url", kRedis, "Remove it; the broker is nats_url."},
    {"observers.nats", "FraiseQL has no such section", "Write nats_url in [observers]."},
    {"observers.handlers", kActions, kActionsHint},
    {"observers.publish", "mutations are not seen in the database, changes of tables are",
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

    {"observers.runtime.poll_interval_ms", kPolling, kRemove},
    {"observers.runtime.batch_size", kBuffers, kBuffersHint},
    {"observers.runtime.channel_capacity", kBuffers, kBuffersHint},
    {"observers.runtime.auto_reload", kReloading, kRemove},
    {"observers.runtime.reload_interval_secs", kReloading, kRemove},
    {"observers.runtime.max_dlq_size", kDeadLetters, kRemove},
    {"observers.runtime.email", kActions, kActionsHint},
    {"observers.runtime.pool", kPool, kRemove},
    {"observers.runtime.log_payloads", "fraiseql_nats never logs payloads", kRemove},
    {"observers.runtime.redis", kRedis, kRemove},

    {"observers.rules.actions", kActions, kActionsHint},
    {"observers.rules.retry", "fraiseql_nats sends a message until the stream has it", kRemove},
    {"observers.rules.on_failure", kActions, kActionsHint},

    {"transport.backend", "FraiseQL has no such key", "Write transport = \"nats\" in [transport]."},
    {"transport.bridge.transport_name", "the place in the log is kept by a replication slot",
     kRemove},
    {"transport.bridge.batch_size", kBuffers, kBuffersHint},
    {"transport.bridge.poll_interval_secs", kPolling, kRemove},
    {"transport.bridge.notify_channel", "fraiseql_nats is woken by each commit", kRemove},

    {"nats", "FraiseQL has no such section",
     "The stream is set in [transport.nats] of fraiseql-observer.toml, credentials in "
     "postgresql.conf: fraiseql_nats.token_file, fraiseql_nats.creds_file and others."},
    {"redis", kRedis, kRemove},
    {"performance", kRuntime, kActionsHint},
    {"job_queue", kRuntime, kActionsHint},
    {"clickhouse", kRuntime, "Remove it, and feed ClickHouse from the stream."},
    {"channel_capacity", kBuffers, kBuffersHint},
    {"max_concurrency", kActions, kActionsHint},
    {"backlog_alert_threshold", "fraiseql_nats sends no alerts",
     "Remove it, and watch lag_bytes of fraiseql_nats.status()."},
    {"shutdown_timeout", "fraiseql_nats stops at once and goes on where it was", kRemove},
    {"max_dlq_size", kDeadLetters, kRemove},
};

constexpr IdleValue kIdleValues[] = {
    {"transport.run_bridge", "off",
     "run_bridge = false has no effect: fraiseql_nats is the bridge from Postgres to NATS",
     "Write enabled = false in [observers] if nothing is to be published."},
    {"transport.run_executors", "on",
     "run_executors = true has no effect: actions are run by FraiseQL's own runtime",
     "Write run_executors = false, or run FraiseQL's runtime for them."},
};

// What `path` is called in `section`, or nothing if it is not right in it.
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

const IdleValue* FindIdleValue(std::string_view path, std::string_view value) {
  const IdleValue* idle = FindPath(kIdleValues, path);
  return idle != nullptr && idle->value == value ? idle : nullptr;
}

bool IsSection(std::string_view path) {
  const auto is_below = [path](const auto& key) { return !NameIn(path, key.path).empty(); };
  return std::any_of(std::begin(kKnownKeys), std::end(kKnownKeys), is_below) ||
         std::any_of(std::begin(kRefusedKeys), std::end(kRefusedKeys), is_below);
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

}  // namespace fraiseql

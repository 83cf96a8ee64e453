// SPDX-License-Identifier: PostgreSQL
#include <string>

#include "core/base/comma_list.h"
#include "core/change/message.h"
#include "core/route/bucket.h"
#include "core/route/subject.h"

extern "C" {
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"
}

#include "pg/settings/broker_gucs.h"
#include "pg/base/compat.h"
#include "pg/settings/gucs.h"
#include "pg/settings/settings_check.h"

namespace fraiseql::pg {

Settings settings;
unsigned traceparent_generation = 0;

namespace {

constexpr int kDefaultMaxWorkers = 16;
constexpr int kDefaultWindowMessages = 4096;
constexpr int kDefaultWindowKb = 16 * 1024;

const config_enum_entry kStorages[] = {
    {"file", kStorageFile, false}, {"memory", kStorageMemory, false}, {nullptr, 0, false}};

const config_enum_entry kCaptures[] = {
    {"wal", kCaptureWal, false}, {"notify", kCaptureNotify, false}, {nullptr, 0, false}};

const config_enum_entry kOnErrors[] = {{"dead_letter", kOnErrorDeadLetter, false},
                                       {"block", kOnErrorBlock, false},
                                       {nullptr, 0, false}};
const config_enum_entry kDiscards[] = {
    {"old", kDiscardOld, false}, {"new", kDiscardNew, false}, {nullptr, 0, false}};
const config_enum_entry kRetentions[] = {{"limits", kRetentionLimits, false},
                                         {"interest", kRetentionInterest, false},
                                         {"workqueue", kRetentionWorkQueue, false},
                                         {nullptr, 0, false}};
const config_enum_entry kCompressions[] = {
    {"none", kCompressionNone, false}, {"s2", kCompressionS2, false}, {nullptr, 0, false}};
const config_enum_entry kIdHeaders[] = {{"Nats-Msg-Id", kIdInNatsMsgId, false},
                                        {"Fraiseql-Id", kIdInFraiseqlId, false},
                                        {nullptr, 0, false}};
const config_enum_entry kManagements[] = {{"create", kManageCreate, false},
                                          {"update", kManageUpdate, false},
                                          {"off", kManageOff, false},
                                          {nullptr, 0, false}};
const config_enum_entry kExclusives[] = {{"auto", kExclusiveAuto, false},
                                         {"on", kExclusiveOn, false},
                                         {"off", kExclusiveOff, false},
                                         {nullptr, 0, false}};
constexpr double kMaxCount = 9007199254740992.0;  // 2^53

bool CheckStreamName(char** value, void**, GucSource) {
  if (IsAssetName(*value)) return true;
  return Accept(Status::Invalid("A name is not empty and has no blank, '.', '*', '>', '/' or '\\'",
                                "It may have letters, digits, '_' and '-'."));
}

// That of a bucket is the only one of NATS itself.
bool CheckStreamSubjects(char** value, void**, GucSource) {
  for (const std::string_view subject : SplitList(*value)) {
    if (IsBucket({std::string(subject)})) continue;
    const Status status = CheckSubjectFilter(subject);
    if (!status.ok()) return Accept(status);
  }
  return true;
}

// Consumers have the same rules for names as streams.
bool CheckConsumerName(char** value, void** extra, GucSource source) {
  return **value == '\0' || CheckStreamName(value, extra, source);
}

bool CheckOptionalSubject(char** value, void**, GucSource) {
  const Status status = **value == '\0' ? Status::Ok() : CheckSubject(*value);
  return Accept(status);
}

bool CheckPrefix(char** value, void**, GucSource) {
  const Status status = CheckSubject(*value);
  return Accept(status);
}

bool CheckTraceparent(char** value, void**, GucSource) {
  // version "-" trace id "-" parent id "-" flags, in lower-case hexadecimal.
  constexpr std::string_view kShape = "00-00000000000000000000000000000000-0000000000000000-00";
  const std::string_view text = *value;
  bool good = text.empty() || text.size() == kShape.size();
  for (size_t i = 0; good && i < text.size(); ++i) {
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    good = kShape[i] == '-' ? text[i] == '-' : hex;
  }
  return good ||
         Accept(Status::Invalid("The value is no W3C traceparent",
                                "It looks like "
                                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01."));
}

void TraceparentChanged(const char*, void*) { ++traceparent_generation; }

bool CheckDatabases(char** value, void**, GucSource) {
  char* copy = pstrdup(*value);
  List* names = NIL;
  const bool good = strcmp(*value, "*") == 0 || SplitIdentifierString(copy, ',', &names);
  list_free(names);
  pfree(copy);
  return good || Accept(Status::Invalid("The value is no list of database names",
                                        "Use * for all databases, or names separated by commas."));
}

void DefineWhatRuns() {
  DefineCustomBoolVariable("fraiseql_nats.enabled", "Publishes the changes of the databases.",
                           "When off, workers stop; the log is kept until it is on again.",
                           &settings.enabled, true, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "fraiseql_nats.databases", "Databases that are served, of those that have the extension.",
      "A list of names separated by commas, or * for all.", &settings.databases, "*", PGC_SIGHUP,
      GUC_LIST_INPUT, CheckDatabases, nullptr, nullptr);
  DefineCustomEnumVariable("fraiseql_nats.capture", "Where messages come from.",
                           "wal: from the log, all of them and surely.  notify: from LISTEN, only "
                           "notifications and at most once, for a server whose wal_level is not "
                           "logical.",
                           &settings.capture, kCaptureWal, kCaptures, PGC_SIGHUP, 0, nullptr,
                           nullptr, nullptr);
  settings.max_workers = kDefaultMaxWorkers;
  if (!process_shared_preload_libraries_in_progress) return;  // shared memory is already sized
  DefineCustomIntVariable(
      "fraiseql_nats.max_workers",
      "Most workers of this server: one for each database, and one for each further stream.",
      "Sizes shared memory; each takes one of max_worker_processes and one of "
      "max_replication_slots.",
      &settings.max_workers, kDefaultMaxWorkers, 1, 1024, PGC_POSTMASTER, 0, nullptr, nullptr,
      nullptr);
}

void DefineStream() {
  DefineCustomStringVariable("fraiseql_nats.stream_name", "JetStream stream that is published to.",
                             "Created if it does not exist.", &settings.stream_name,
                             "fraiseql_events", PGC_SIGHUP, 0, CheckStreamName, nullptr, nullptr);
  DefineCustomStringVariable("fraiseql_nats.stream_subjects",
                             "Subjects of a stream that is created.",
                             "Separated by commas; * stands for a token, > for all that follow.",
                             &settings.stream_subjects, "fraiseql.>", PGC_SIGHUP, 0,
                             CheckStreamSubjects, nullptr, nullptr);
  DefineCustomEnumVariable("fraiseql_nats.storage", "Storage of a stream that is created.", nullptr,
                           &settings.storage, kStorageFile, kStorages, PGC_SIGHUP, 0, nullptr,
                           nullptr, nullptr);
  DefineCustomIntVariable("fraiseql_nats.replicas", "Replicas of a stream that is created.",
                          "More than one needs a cluster of NATS servers.", &settings.replicas, 1,
                          1, 5, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "fraiseql_nats.dedup_window", "De-duplication window of a stream that is created.",
      "How long the server remembers the Nats-Msg-Id of a message.", &settings.dedup_window_s, 120,
      1, 86400, PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "fraiseql_nats.subject_prefix", "Subject before .Entity.OPERATION of row changes.",
      "Used by observers that have no subject of their own.", &settings.subject_prefix,
      "fraiseql.mutation", PGC_SIGHUP, 0, CheckPrefix, nullptr, nullptr);
  DefineCustomStringVariable("fraiseql_nats.topic_prefix", "Subject before the type of a topic.",
                             "The topic order_created goes to fraiseql.order.created.",
                             &settings.topic_prefix, "fraiseql", PGC_SIGHUP, 0, CheckPrefix,
                             nullptr, nullptr);
}

void DefineStreamLimits() {
  DefineCustomEnumVariable(
      "fraiseql_nats.stream_manage", "What is done about the stream.",
      "create: make it if it does not exist.  update: also change what differs "
      "from these settings.  off: nothing.",
      &settings.stream_manage, kManageCreate, kManagements, PGC_SIGHUP, 0, nullptr, nullptr,
      nullptr);
  DefineCustomIntVariable("fraiseql_nats.max_age", "How long the stream keeps a message.",
                          "0: without limit.", &settings.max_age_s, 0, 0, INT_MAX, PGC_SIGHUP,
                          GUC_UNIT_S, nullptr, nullptr, nullptr);
  DefineCustomRealVariable("fraiseql_nats.max_bytes", "Most bytes that the stream keeps.",
                           "-1: without limit.", &settings.max_bytes, -1, -1, kMaxCount, PGC_SIGHUP,
                           GUC_UNIT_BYTE, nullptr, nullptr, nullptr);
  DefineCustomRealVariable("fraiseql_nats.max_msgs", "Most messages that the stream keeps.",
                           "-1: without limit.", &settings.max_msgs, -1, -1, kMaxCount, PGC_SIGHUP,
                           0, nullptr, nullptr, nullptr);
  DefineCustomRealVariable("fraiseql_nats.max_msgs_per_subject",
                           "Most messages of a subject that the stream keeps.",
                           "-1: without limit.", &settings.max_msgs_per_subject, -1, -1, kMaxCount,
                           PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomEnumVariable(
      "fraiseql_nats.retention", "When a stream that is created removes messages.",
      "limits: by its limits.  interest: when all consumers have "
      "acknowledged them.  workqueue: when one has.",
      &settings.retention, kRetentionLimits, kRetentions, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomEnumVariable("fraiseql_nats.compression", "How the stream compresses what it stores.",
                           "s2 needs nats-server 2.10 and storage in files.", &settings.compression,
                           kCompressionNone, kCompressions, PGC_SIGHUP, 0, nullptr, nullptr,
                           nullptr);
  DefineCustomEnumVariable(
      "fraiseql_nats.message_id_header", "Which header has the id of a message.",
      "Fraiseql-Id: the server need not remember the ids, and a backlog is sent in batches; this "
      "needs nats-server 2.14.",
      &settings.message_id_header, kIdInNatsMsgId, kIdHeaders, PGC_SIGHUP, 0, nullptr, nullptr,
      nullptr);
  DefineCustomEnumVariable("fraiseql_nats.stream_exclusive",
                           "Whether messages are tied to one another.",
                           "If they are, order holds whatever fails.  auto: while no other client "
                           "publishes to the stream.  on: always; "
                           "each message of another client then costs another check of the stream.",
                           &settings.stream_exclusive, kExclusiveAuto, kExclusives, PGC_SIGHUP, 0,
                           nullptr, nullptr, nullptr);
  DefineCustomEnumVariable("fraiseql_nats.discard", "What a full stream discards.",
                           "new: it refuses messages, and publishing waits.", &settings.discard,
                           kDiscardOld, kDiscards, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
}

void DefineConsumer() {
  DefineCustomStringVariable(
      "fraiseql_nats.consumer_name", "Durable pull consumer that is made with the stream.",
      "Empty: none.  Not made when stream_manage is off.", &settings.consumer_name,
      "fraiseql_observer_worker", PGC_SIGHUP, 0, CheckConsumerName, nullptr, nullptr);
  DefineCustomIntVariable("fraiseql_nats.max_deliver",
                          "How often a message is delivered before a consumer gives it up.",
                          "Of consumers that are made here.", &settings.max_deliver, 3, 1, 1000000,
                          PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("fraiseql_nats.ack_wait",
                          "How long a consumer may take to acknowledge a message.",
                          "Of consumers that are made here.", &settings.ack_wait_s, 30, 1, 86400,
                          PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
  DefineCustomStringVariable("fraiseql_nats.dlq_subject",
                             "Subject of messages that a consumer has given up.",
                             "Empty: they are not copied.", &settings.dlq_subject, "fraiseql.dlq",
                             PGC_SIGHUP, 0, CheckOptionalSubject, nullptr, nullptr);
}

void DefineFiles() {
  static constexpr char kWhere[] =
      "Below the data directory if it is no absolute path.  Empty: none.";
  DefineFileSetting("fraiseql_nats.config_file", "FraiseQL's fraiseql.toml.", kWhere,
                    &settings.config_file, kDefaultConfigFile);
  DefineFileSetting("fraiseql_nats.observer_config_file", "FraiseQL's fraiseql-observer.toml.",
                    kWhere, &settings.observer_config_file, kDefaultObserverConfigFile);
}

void DefineDelivery() {
  DefineCustomIntVariable(
      "fraiseql_nats.window_messages", "Most messages that are read and not yet acknowledged.",
      "Bounds memory, with fraiseql_nats.window_bytes.", &settings.window_messages,
      kDefaultWindowMessages, 1, 9999, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("fraiseql_nats.window_bytes",
                          "Most bytes of messages that are read and not yet acknowledged.",
                          "One larger message is sent alone.", &settings.window_kb,
                          kDefaultWindowKb, 64, 1024 * 1024, PGC_SIGHUP, GUC_UNIT_KB, nullptr,
                          nullptr, nullptr);
  DefineCustomIntVariable("fraiseql_nats.ack_timeout",
                          "How long the stream may be silent before messages are sent again.",
                          nullptr, &settings.ack_timeout_ms, 5000, 100, 600000, PGC_SIGHUP,
                          GUC_UNIT_MS, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("fraiseql_nats.confirm_delay",
                          "How long the log is kept after its messages are acknowledged.",
                          "A broker that loses them within this time is sent them again.",
                          &settings.confirm_delay_ms, 0, 0, 86400000, PGC_SIGHUP, GUC_UNIT_MS,
                          nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "fraiseql_nats.transaction_buffer",
      "Most messages of a transaction in which notifications replace row events.",
      "In a larger transaction both go out, and the log says so.", &settings.transaction_buffer,
      10000, 1, 1000000, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  // Without failover slots the setting does not exist, so that no administrator relies on it.
  if (kHasFailoverSlots) {
    DefineCustomBoolVariable(
        "fraiseql_nats.slot_failover", "Makes the replication slot one that standbys take over.",
        "Of a slot that is made; before a change is published, the standbys "
        "in synchronized_standby_slots have it.",
        &settings.slot_failover, true, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  }
  DefineCustomEnumVariable(
      "fraiseql_nats.on_error", "What is done with a message that can never be stored as it is.",
      "dead_letter: it is stored in the table fraiseql_nats.dead_letter, and the others continue.  "
      "block: they wait until it can be stored.",
      &settings.on_error, kOnErrorDeadLetter, kOnErrors, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomBoolVariable("fraiseql_nats.notify_enrich",
                           "Adds type and timestamp to notifications that lack them.",
                           "Only to payloads that are JSON objects.", &settings.notify_enrich, true,
                           PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "fraiseql_nats.traceparent", "W3C trace context of this session's changes.",
      "Goes out as the header traceparent of every message that the session's "
      "later statements cause.  Empty: none.",
      &settings.traceparent, "", PGC_USERSET, 0, CheckTraceparent, TraceparentChanged, nullptr);
}

}  // namespace

void DefineSettings() {
  DefineWhatRuns();
  DefineBrokerSettings();
  DefineStream();
  DefineStreamLimits();
  DefineConsumer();
  DefineDelivery();
  DefineFiles();
  if (process_shared_preload_libraries_in_progress) NoteRefusedSettings();
  MarkGUCPrefixReserved("fraiseql_nats");
}

bool IsDatabaseWanted(const char* name) {
  if (strcmp(settings.databases, "*") == 0) return true;
  char* copy = pstrdup(settings.databases);
  List* names = NIL;
  bool wanted = false;
  if (SplitIdentifierString(copy, ',', &names)) {
    ListCell* cell;
    foreach (cell, names) {
      if (strcmp(static_cast<const char*>(lfirst(cell)), name) == 0) wanted = true;
    }
  }
  list_free(names);
  pfree(copy);
  return wanted;
}

}  // namespace fraiseql::pg

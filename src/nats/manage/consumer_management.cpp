// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/consumer_management.h"

#include <algorithm>

#include "core/base/comma_list.h"
#include "nats/base/names.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/jetstream/jetstream_error.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kNsPerMs = 1000000;
constexpr uint64_t kMostConsumers = 50000;  // the list ends after this many

// The subject to which a push consumer of ours delivers.  It is derived from the names, so that
// creating the consumer again changes nothing; it begins with "_INBOX.", to which programs usually
// may subscribe and which no stream takes.
std::string DeliverSubject(const std::string& stream, const std::string& consumer) {
  return "_INBOX.fraiseql." + stream + "." + consumer;
}

Json NewConfig(const std::string& stream, const ConsumerSpec& wanted) {
  Json config = {
      {"durable_name", wanted.name},
      {"ack_policy", "explicit"},
      {"replay_policy", "instant"},
      {"deliver_policy", wanted.deliver_policy == DeliverPolicy::kNew ? "new" : "all"},
      {"ack_wait", wanted.ack_wait_ms * kNsPerMs},
      {"max_deliver", wanted.max_deliver > 0 ? wanted.max_deliver : -1},
  };
  if (!wanted.filter_subject.empty()) config["filter_subject"] = wanted.filter_subject;
  if (wanted.push) config["deliver_subject"] = DeliverSubject(stream, wanted.name);
  if (!wanted.queue.empty()) config["deliver_group"] = wanted.queue;
  if (wanted.max_ack_pending != 0) config["max_ack_pending"] = wanted.max_ack_pending;
  return config;
}

// Applies the wanted values to the configuration of an existing consumer, and removes those that
// `wanted` lacks.  True if anything has changed.
bool Merge(const Json& wanted, Json* config) {
  bool changed = false;
  for (const char* field : {"ack_wait", "max_deliver", "filter_subject", "deliver_group"}) {
    const Json value = wanted.value(field, Json());
    if (config->value(field, Json()) == value) continue;
    changed = true;
    if (value.is_null()) {
      config->erase(field);
    } else {
      (*config)[field] = value;
    }
  }
  const Json pending = wanted.value("max_ack_pending", Json());
  if (!pending.is_null() && config->value("max_ack_pending", Json()) != pending) {
    (*config)["max_ack_pending"] = pending;
    changed = true;
  }
  return config->erase("filter_subjects") > 0 || changed;
}

Status CheckFixed(const std::string& what, const Json& wanted, const Json& config) {
  const bool push = !TextAt(config, "deliver_subject").empty();
  if (push != wanted.contains("deliver_subject")) {
    return Status::Invalid(what + " exists as a " + (push ? "push" : "pull") + " consumer",
                           "Delete it first, or choose another name.");
  }
  for (const char* field : {"ack_policy", "deliver_policy"}) {
    const std::string found = TextAt(config, field);
    if (found == TextAt(wanted, field)) continue;
    return Status::Invalid(what + " exists with " + field + " \"" + found + "\"",
                           "This cannot be changed: delete it first, or choose another name.");
  }
  return Status::Ok();
}

Status CheckSpec(const std::string& stream, const ConsumerSpec& wanted) {
  Status status = CheckName("stream", stream);
  if (status.ok()) status = CheckName("consumer", wanted.name);
  if (status.ok() && !wanted.push && !wanted.queue.empty()) {
    return Status::Invalid(
        ConsumerNamed(stream, wanted.name) + " has a queue but is not a push consumer",
        "Programs share a pull consumer without a queue.");
  }
  if (status.ok() && wanted.ack_wait_ms <= 0) {
    return Status::Invalid(ConsumerNamed(stream, wanted.name) + ": ack_wait must be positive");
  }
  return status;
}

Status Save(JetStreamClient* js, const std::string& stream, const std::string& consumer,
            const Json& config) {
  const Json body = {{"stream_name", stream}, {"config", config}};
  return js
      ->Call("CONSUMER.DURABLE.CREATE." + stream + "." + consumer, body,
             ConsumerNamed(stream, consumer))
      .status;
}

ApiAnswer AskForConsumer(JetStreamClient* js, const std::string& stream,
                         const std::string& consumer) {
  return js->Call("CONSUMER.INFO." + stream + "." + consumer, ConsumerNamed(stream, consumer));
}

DeliverPolicy DeliverPolicyOf(const std::string& name) {
  if (name == "all") return DeliverPolicy::kAll;
  return name == "new" ? DeliverPolicy::kNew : DeliverPolicy::kOther;
}

// The filter: one subject, or several separated by commas.
std::string FilterOf(const Json& config) {
  std::vector<std::string> filters = ListAt(config, "filter_subjects");
  const std::string_view filter = DataAt(config, "filter_subject");
  if (!filter.empty()) filters.emplace(filters.begin(), filter);
  return Word(JoinList(filters));
}

ConsumerInfo InfoOf(const Json& found) {
  const Json config = ObjectAt(found, "config");
  const Json delivered = ObjectAt(found, "delivered");
  ConsumerInfo info;
  info.config.name = TextAt(found, "name");
  info.config.filter_subject = FilterOf(config);
  info.config.push = !DataAt(config, "deliver_subject").empty();
  info.config.queue = TextAt(config, "deliver_group");
  info.config.deliver_policy = DeliverPolicyOf(TextAt(config, "deliver_policy"));
  info.config.max_deliver = IntegerAt(config, "max_deliver");
  info.config.ack_wait_ms = IntegerAt(config, "ack_wait") / kNsPerMs;
  info.config.max_ack_pending = IntegerAt(config, "max_ack_pending");
  info.durable = !TextAt(config, "durable_name").empty();
  info.pending = CountAt(found, "num_pending");
  info.ack_pending = CountAt(found, "num_ack_pending");
  info.redelivered = CountAt(found, "num_redelivered");
  info.waiting = CountAt(found, "num_waiting");
  info.delivered_sequence = CountAt(delivered, "stream_seq");
  info.deliveries = CountAt(delivered, "consumer_seq");
  info.ack_floor = CountAt(ObjectAt(found, "ack_floor"), "stream_seq");
  info.bound = FlagAt(found, "push_bound");
  info.paused = FlagAt(found, "paused");
  return info;
}

}  // namespace

Status CreateConsumer(JetStreamClient* js, const std::string& stream, const ConsumerSpec& wanted) {
  const Status status = CheckSpec(stream, wanted);
  if (!status.ok()) return status;
  const ApiAnswer found = AskForConsumer(js, stream, wanted.name);
  if (found.err_code != kConsumerNotFound) return found.status;
  return Save(js, stream, wanted.name, NewConfig(stream, wanted));
}

Status EnsureConsumer(JetStreamClient* js, const std::string& stream, const ConsumerSpec& wanted,
                      ConsumerChange* change) {
  *change = ConsumerChange::kNone;
  Status status = CheckSpec(stream, wanted);
  if (!status.ok()) return status;
  const Json fresh = NewConfig(stream, wanted);
  const ApiAnswer found = AskForConsumer(js, stream, wanted.name);
  if (found.err_code == kConsumerNotFound) {
    status = Save(js, stream, wanted.name, fresh);
    if (status.ok()) *change = ConsumerChange::kCreated;
    return status;
  }
  if (!found.status.ok()) return found.status;
  Json config = ObjectAt(found.body, "config");
  status = CheckFixed(ConsumerNamed(stream, wanted.name), fresh, config);
  if (!status.ok() || !Merge(fresh, &config)) return status;
  status = Save(js, stream, wanted.name, config);
  if (status.ok()) *change = ConsumerChange::kUpdated;
  return status;
}

Status GetConsumerInfo(JetStreamClient* js, const std::string& stream, const std::string& consumer,
                       ConsumerInfo* info) {
  Status status = CheckName("stream", stream);
  if (status.ok()) status = CheckName("consumer", consumer);
  if (!status.ok()) return status;
  const ApiAnswer answer = AskForConsumer(js, stream, consumer);
  if (answer.status.ok()) *info = InfoOf(answer.body);
  return answer.status;
}

Status ListConsumers(JetStreamClient* js, const std::string& stream,
                     std::vector<ConsumerInfo>* consumers) {
  consumers->clear();
  Status status = CheckName("stream", stream);
  for (uint64_t total = 1; status.ok() && consumers->size() < total;) {
    const Json body = {{"offset", consumers->size()}};
    const ApiAnswer answer = js->Call("CONSUMER.LIST." + stream, body, StreamNamed(stream));
    if (!answer.status.ok()) return answer.status;
    const auto page = answer.body.find("consumers");
    if (page == answer.body.end() || !page->is_array() || page->empty()) break;
    for (const Json& found : *page) consumers->push_back(InfoOf(found));
    total = std::min(CountAt(answer.body, "total"), kMostConsumers);
  }
  return status;
}

Status DeleteConsumer(JetStreamClient* js, const std::string& stream, const std::string& consumer) {
  Status status = CheckName("stream", stream);
  if (status.ok()) status = CheckName("consumer", consumer);
  if (!status.ok()) return status;
  return js->Call("CONSUMER.DELETE." + stream + "." + consumer, ConsumerNamed(stream, consumer))
      .status;
}

}  // namespace fraiseql::nats

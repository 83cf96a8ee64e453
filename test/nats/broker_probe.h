// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct __natsConnection;
struct __jsCtx;
struct __natsSubscription;

namespace fraiseql::nats::test {

// What is really in a stream, seen through an ordinary connection of nats.c.
class BrokerProbe {
 public:
  explicit BrokerProbe(const std::string& url);
  ~BrokerProbe();
  BrokerProbe(const BrokerProbe&) = delete;
  BrokerProbe& operator=(const BrokerProbe&) = delete;

  struct Stored {
    uint64_t sequence;
    std::string subject;
    std::string message_id;
    std::string payload;
    std::string all_headers;  // "name=value;" for each
  };

  // A request of the JetStream API ("STREAM.CREATE.s"); the answer's text, empty: none came.
  std::string Api(const std::string& request, const std::string& body = "");
  std::vector<Stored> Messages(const std::string& stream);
  // Creates the stream "fraiseql_events", which allows batches if the server knows them; `more`:
  // further members of its configuration, each after a comma.
  void CreateStream(const std::string& more = "");
  // Stores a message, with an id unless that is empty; the stream's answer.
  std::string Publish(const std::string& subject, const std::string& id);
  // Sends a message with a reply subject that ends so, and returns the first answer; empty: none
  // came.
  std::string Ask(const std::string& subject, const std::string& id, const std::string& payload,
                  const std::string& reply_end);
  bool AllowsBatches(const std::string& stream) {
    return Api("STREAM.INFO." + stream).find(R"("allow_batched":true)") != std::string::npos;
  }

  // Answers `text` to every request on the subject, as a service would.  To be called once, and
  // with a literal, as the library's thread may still answer when the probe is gone.
  void Serve(const std::string& subject, const char* text);

 private:
  __natsConnection* connection_ = nullptr;
  __jsCtx* jetstream_ = nullptr;
  __natsSubscription* service_ = nullptr;
  std::vector<__natsSubscription*> used_up_;  // see ~BrokerProbe()
};

}  // namespace fraiseql::nats::test

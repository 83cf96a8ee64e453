// SPDX-License-Identifier: PostgreSQL
#pragma once

// Notifications without the log, for servers whose wal_level is not logical: LISTEN inside the
// worker.  At most once, since nothing is kept while nobody listens.  Include after postgres.h.

#include <memory>

#include "core/format/envelope.h"
#include "core/pipeline/pipeline.h"
#include "core/route/router.h"
#include "pg/observe/observer_table.h"
#include "pg/base/own_objects.h"

namespace fraiseql::pg {

// One to a process: it takes over what Postgres wants to tell a client.  Main thread only.
class NotifyListener {
 public:
  // `pipeline` is not owned.
  NotifyListener(const Origin& origin, Pipeline* pipeline);

  // Listens on the channels that are observed now, if they have changed.  May raise.
  void Listen();

  // Takes what has arrived into the pipeline.  Always takes all of it, whatever the broker does:
  // a listener that does not would stop every NOTIFY of the server one day.  May raise.
  void Take();

  // Notifications that found the window full.
  uint64_t dropped() const { return dropped_; }

 private:
  static int OnClientMessage(char type, const char* body, size_t size);
  static void OnRelationChanged(Datum, Oid relation);
  void Publish(const char* channel, const char* payload);

  Origin origin_;
  Pipeline* const pipeline_;
  LoadedObservers loaded_;
  std::unique_ptr<Router> router_;
  TransactionHeaders headers_;
  Freshness freshness_;  // of the observers
  std::string run_;      // part of every message id: numbers begin anew with each process
  uint64_t count_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace fraiseql::pg

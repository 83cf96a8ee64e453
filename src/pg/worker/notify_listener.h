// SPDX-License-Identifier: PostgreSQL
#pragma once

// Notifications without the log, for servers whose wal_level is not logical: LISTEN inside the
// worker.  At most once, since Postgres keeps nothing while no session listens.  Include after
// postgres.h.

#include <memory>

#include "core/format/envelope.h"
#include "core/pipeline/pipeline.h"
#include "core/route/router.h"
#include "pg/observe/observer_table.h"
#include "pg/shared/counted_observers.h"
#include "pg/base/own_objects.h"

namespace fraiseql::pg {

// One per process: it replaces the functions that send messages to a client.  Main thread only.
class NotifyListener {
 public:
  // `pipeline` and `counted` are not owned.
  NotifyListener(const Origin& origin, Pipeline* pipeline, CountedObservers* counted);

  // Listens on the channels that are observed now, if they have changed.  May raise.
  void Listen();

  // Adds the notifications that have arrived to the pipeline.  Always takes all of them, whatever
  // the broker does: a listener that stops reading would eventually fill the queue and fail every
  // NOTIFY of the server.  May raise.
  void Take();

  // Notifications that were dropped because the window was full.
  uint64_t dropped() const { return dropped_; }

 private:
  static int OnClientMessage(char type, const char* body, size_t size);
  static void OnRelationChanged(Datum, Oid relation);
  void Publish(const char* channel, const char* payload);

  Origin origin_;
  Pipeline* const pipeline_;
  CountedObservers* const counted_;
  LoadedObservers loaded_;
  std::unique_ptr<Router> router_;
  TransactionHeaders headers_;
  Freshness freshness_;  // of the observers
  std::string run_;      // part of every message id: each process counts from 1
  uint64_t count_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace fraiseql::pg

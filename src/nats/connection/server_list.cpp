// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/server_list.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

#include "core/base/comma_list.h"
#include "core/base/server_url.h"
#include "nats/connection/connect_options.h"
#include "nats/connection/nats_status.h"

namespace fraiseql::nats {

namespace {

// If one of several servers requires TLS by its URL or the settings, all of them use TLS.
std::string AsTls(const std::string& url) {
  constexpr std::string_view kClear = "nats://";
  return url.compare(0, kClear.size(), kClear) == 0 ? "tls://" + url.substr(kClear.size()) : url;
}

}  // namespace

ServerList::ServerList(const BrokerSettings& settings) : settings_(settings) {
  const std::vector<std::string> urls = ListItems(settings.url);
  for (const std::string& url : urls) {
    servers_.push_back({urls.size() > 1 && WantsTls(settings) ? AsTls(url) : url, {}, false});
  }
  if (servers_.empty()) servers_.emplace_back();  // the attempt to connect reports the empty URL
}

BrokerSettings ServerList::Next() {
  if (round_over()) BeginRound();
  BrokerSettings one = settings_;
  current_ = order_[next_++];
  one.url = current().url;
  return one;
}

void ServerList::BeginRound() {
  order_.resize(servers_.size());
  std::iota(order_.begin(), order_.end(), size_t{0});
  std::shuffle(order_.begin(), order_.end(), std::minstd_rand(std::random_device()()));
  const auto rank = [this](size_t server) {
    if (servers_[server].unfit) return 2;
    return WithoutUserInfo(servers_[server].url) == settings_.prefer ? 0 : 1;
  };
  std::stable_sort(order_.begin(), order_.end(),
                   [&](size_t one, size_t other) { return rank(one) < rank(other); });
  next_ = 0;
}

void ServerList::Failed(Status status) {
  current().status = std::move(status);
  current().unfit = false;
}

void ServerList::Unfit(const Status& status) {
  current().unfit = true;
  current().status = {
      status.code(),
      "NATS server \"" + WithoutUserInfo(current().url) + "\" cannot serve: " + status.message(),
      status.hint()};
  if (single()) current().status = status;
}

void ServerList::Serves() {
  current().unfit = false;
  for (Server& server : servers_) {
    if (!server.unfit) server.status = Status::Ok();
  }
  next_ = order_.size();
}

Status ServerList::Trouble() const {
  std::vector<Status> failures;
  for (const Server& server : servers_) {
    if (!server.status.ok()) failures.push_back(server.status);
  }
  return failures.empty() ? Status::Ok() : FailureOfAll(failures);
}

}  // namespace fraiseql::nats

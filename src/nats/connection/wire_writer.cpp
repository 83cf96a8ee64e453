// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/wire_writer.h"

#include "core/base/number.h"

namespace fraiseql::nats {

namespace {
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeaderStart = "NATS/1.0\r\n";
}  // namespace

void AppendPublish(const Message& message, std::string_view reply, std::string_view more_headers,
                   std::string* out) {
  const size_t lines = message.headers.size() + more_headers.size();
  if (lines == 0) return AppendRequest(message.subject, message.payload, reply, out);
  const size_t headers = kHeaderStart.size() + lines + kLineEnd.size();
  out->append("HPUB ").append(message.subject).push_back(' ');
  if (!reply.empty()) out->append(reply).push_back(' ');
  AppendDecimal(headers, out);
  out->push_back(' ');
  AppendDecimal(headers + message.payload.size(), out);
  out->append(kLineEnd).append(kHeaderStart).append(message.headers).append(more_headers);
  out->append(kLineEnd).append(message.payload).append(kLineEnd);
}

void AppendRequest(std::string_view subject, std::string_view body, std::string_view reply,
                   std::string* out) {
  out->append("PUB ").append(subject).push_back(' ');
  if (!reply.empty()) out->append(reply).push_back(' ');
  AppendDecimal(body.size(), out);
  out->append(kLineEnd).append(body).append(kLineEnd);
}

}  // namespace fraiseql::nats

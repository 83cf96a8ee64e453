// SPDX-License-Identifier: PostgreSQL
#include "core/format/envelope.h"

#include "core/base/iso_time.h"
#include "core/base/number.h"

namespace fraiseql {

void AppendOrigin(const Origin& origin, std::string* out) {
  char text[2 * kMaxDecimal + 1];
  char* at = PutDecimal(origin.system_id, text);
  if (!origin.branch.empty()) {
    out->append(text, static_cast<size_t>(at - text)).append("-").append(origin.branch);
    at = text;
  }
  *at++ = '.';
  at = PutDecimal(origin.database_id, at);
  out->append(text, static_cast<size_t>(at - text));
}

void AppendIdPrefix(const Origin& origin, std::string* out) {
  AppendOrigin(origin, out);
  out->push_back('.');
}

void AppendMessageId(const Origin& origin, const Position& position, std::string* out) {
  AppendIdPrefix(origin, out);
  char rest[16 + 2 * (1 + kMaxDecimal)];
  char* at = PutHex(position.commit_lsn, 16, rest);
  *at++ = '.';
  at = PutDecimal(position.ordinal, at);
  if (position.route > 0) {
    *at++ = '.';
    at = PutDecimal(position.route, at);
  }
  out->append(rest, static_cast<size_t>(at - rest));
}

void AppendRunMessageId(const Origin& origin, std::string_view run, uint64_t count,
                        std::string* out) {
  AppendIdPrefix(origin, out);
  out->append("n").append(run).push_back('.');
  AppendDecimal(count, out);
}

void TransactionHeaders::BeginOutsideTransaction(int64_t time_us) {
  commit_time_.clear();
  AppendIsoTime(time_us, &commit_time_);
  lines_.assign("Fraiseql-Commit-Time: ").append(commit_time_).append("\r\n");
  own_size_ = lines_.size();
}

void TransactionHeaders::Begin(uint32_t xid, int64_t commit_time_us) {
  lines_.assign("Fraiseql-Xid: ");
  AppendDecimal(xid, &lines_);
  commit_time_.clear();
  AppendIsoTime(commit_time_us, &commit_time_);
  lines_.append("\r\nFraiseql-Commit-Time: ").append(commit_time_).append("\r\n");
  own_size_ = lines_.size();
}

void TransactionHeaders::SetTraceparent(std::string_view traceparent) {
  lines_.resize(own_size_);
  if (traceparent.empty() || !IsHeaderValue(traceparent)) return;
  lines_.append("traceparent: ").append(traceparent).append("\r\n");
}

void AddIdentity(const Origin& origin, std::string_view message_id, Message* message) {
  std::string* lines = &message->headers;
  const bool own = origin.own_id_header && message_id.empty();
  lines->append(own ? "Fraiseql-Id: " : "Nats-Msg-Id: ");
  if (message_id.empty()) {
    AppendMessageId(origin, message->position, lines);
  } else {
    lines->append(message_id).append("\r\nFraiseql-Origin: ");
    AppendOrigin(origin, lines);
  }
  lines->append("\r\n");
  if (message->position.commit_lsn != 0) {
    lines->append("Fraiseql-Position: ");
    AppendPosition(message->position, lines);
    lines->append("\r\n");
  }
}

void AddCommonHeaders(const Origin& origin, const TransactionHeaders& transaction,
                      std::string_view message_id, Message* message) {
  AddIdentity(origin, message_id, message);
  message->headers.append(transaction.lines());
}

}  // namespace fraiseql

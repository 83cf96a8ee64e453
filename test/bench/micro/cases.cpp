// SPDX-License-Identifier: PostgreSQL
#include "cases.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/format/event.h"
#include "core/base/iso_time.h"
#include "core/base/json_text.h"
#include "nats/jetstream/pub_ack.h"
#include "nats/connection/wire_reader.h"
#include "nats/connection/wire_writer.h"

namespace fraiseql {

namespace {

std::string Note(size_t size) {
  const std::string text = "A remark that came with the order, as people write it. ";
  std::string note;
  while (note.size() < size) note += text;
  note.resize(size);
  return note;
}

// What it takes to build the message of a change: the table, an observer of it, a row.
class Event {
 public:
  Event(Operation operation, size_t row_bytes) {
    relation_.schema = "public";
    relation_.table = "tb_item";
    for (const char* name : {"id", "customer", "status", "total", "urgent", "created_at", "note"}) {
      Column column{name, {}};
      AppendJsonString(name, &column.json_key);
      column.json_key.push_back(':');
      relation_.columns.push_back(column);
    }
    relation_.identity = {0};
    change_.operation = operation;
    change_.position = {0x16B374D848, 1, 0};
    change_.commit_time_us = 1768473000123456;
    change_.relation = &relation_;
    transaction_.Begin(771, change_.commit_time_us);
    constexpr size_t kRowRest = 72;  // bytes of the row without its note, in the log
    note_ = Note(row_bytes - kRowRest);
    FillRow("\"pending\"", &change_.new_row);
    if (operation == Operation::kUpdate) {
      change_.has_old_row = true;
      FillRow("\"new\"", &change_.old_row);
    }
    routes_ = router_.Resolve(relation_, {{0, relation_.table}});
  }

  const Message& message() const { return message_; }

  void Build() {
    message_.Clear();
    message_.position = change_.position;
    if (!BuildEvent(origin_, transaction_, routes_[0], change_, &message_).ok()) std::abort();
  }

 private:
  void FillRow(std::string_view status, RowImage* row) {
    row->Reset(relation_.columns.size());
    const std::string_view values[] = {
        "123456", "\"550e8400-e29b-41d4-a716-446655440000\"", status, "12.30",
        "true",   "\"2026-01-15T10:30:00.123456+00:00\"",     {}};
    size_t column = 0;
    for (const std::string_view value : values) {
      if (value.empty()) {
        AppendJsonString(note_, row->text());
      } else {
        row->text()->append(value);
      }
      row->Present(column++);
    }
  }

  const Origin origin_{7012345678901234567, 16384, "shop", "fraiseql.mutation"};
  const Router router_{{Observer{}}};
  TransactionHeaders transaction_;
  Relation relation_;
  std::string note_;
  Change change_;
  std::vector<Route> routes_;
  Message message_;
};

MicroCase EventCase(std::string name, Operation operation, size_t row_bytes) {
  auto event = std::make_shared<Event>(operation, row_bytes);
  return {std::move(name), [event] { event->Build(); }};
}

MicroCase WriteCase() {
  auto event = std::make_shared<Event>(Operation::kInsert, 400);
  auto out = std::make_shared<std::string>();
  event->Build();
  return {"message onto the wire, row of 400 B", [=] {
            out->clear();
            nats::AppendPublish(event->message(), "_INBOX.Z2LOHM.1.123456", {}, out.get());
          }};
}

MicroCase ReadCase() {
  auto reader = std::make_shared<nats::WireReader>(size_t{1} << 20);
  return {"acknowledgement off the wire", [=] {
            constexpr std::string_view kAck =
                "MSG _INBOX.Z2LOHM.1.123456 1 45\r\n"
                "{\"stream\":\"fraiseql_events\", \"seq\":123456789}\r\n";
            std::memcpy(reader->Space(kAck.size()), kAck.data(), kAck.size());
            reader->Added(kAck.size());
            nats::WireReader::Item item;
            if (reader->Next(&item) != nats::WireReader::Kind::kMessage) std::abort();
          }};
}

// A case that appends to a string, which is empty at first.
template <typename Append>
MicroCase AppendCase(std::string name, Append append) {
  auto out = std::make_shared<std::string>();
  return {std::move(name), [=] {
            out->clear();
            append(out.get());
          }};
}

}  // namespace

std::vector<MicroCase> MicroCases() {
  const std::string plain = Note(400);
  std::string quoted = plain;
  for (size_t i = 7; i < quoted.size(); i += 16) quoted[i] = i % 3 ? '"' : '\n';
  const Origin origin{7012345678901234567, 16384, "shop", "fraiseql.mutation"};
  return {
      EventCase("event: insert, row of 100 B", Operation::kInsert, 100),
      EventCase("event: insert, row of 400 B", Operation::kInsert, 400),
      EventCase("event: insert, row of 1.6 KB", Operation::kInsert, 1600),
      EventCase("event: update with old row, 400 B", Operation::kUpdate, 400),
      AppendCase("JSON string, 400 B plain",
                 [=](std::string* out) { AppendJsonString(plain, out); }),
      AppendCase("JSON string, 400 B with quotes",
                 [=](std::string* out) { AppendJsonString(quoted, out); }),
      AppendCase("time", [](std::string* out) { AppendIsoTime(1768473000123456, out); }),
      AppendCase("message id",
                 [=](std::string* out) {
                   AppendMessageId(origin, {0x16B374D848, 42, 0}, out);
                 }),
      {"subject check",
       [] {
         if (!CheckSubject("fraiseql.mutation.Order.INSERT").ok()) std::abort();
       }},
      WriteCase(),
      ReadCase(),
      {"acknowledgement",
       [] {
         const nats::PubAck ack =
             nats::ParsePubAck(R"({"stream":"fraiseql_events", "seq":123456789})");
         if (ack.stream_sequence != 123456789) std::abort();
       }},
  };
}

}  // namespace fraiseql

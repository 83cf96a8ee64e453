// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <string_view>
#include <vector>

#include "core/base/comma_list.h"
#include "core/route/bucket.h"
#include "core/route/stream_choice.h"
#include "core/route/subject_set.h"
#include "core/route/topic.h"

extern "C" {
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/inval.h"
#include "utils/memutils.h"
}

#include "pg/base/guard.h"
#include "pg/base/own_objects.h"
#include "pg/base/server_text.h"
#include "pg/settings/gucs.h"
#include "pg/settings/stream_rows.h"
#include "pg/shared/shmem.h"
#include "pg/shared/stream_subjects.h"

namespace fraiseql::pg {

namespace {

// The rows of fraiseql_nats.stream, cached for the session.
struct StreamCache {
  Freshness freshness;
  Oid table = InvalidOid;
  std::vector<StreamRow> rows;
};
StreamCache* cache = nullptr;  // in TopMemoryContext, since reading the rows may raise

const std::vector<StreamRow>& Rows() {
  if (cache == nullptr) cache = NewInContext<StreamCache>(TopMemoryContext);
  if (cache->freshness.IsFresh()) return cache->rows;
  const uint64_t begin = cache->freshness.Begin();
  cache->table = FindOwnTable(kStreamTableName);
  LoadStreamRows(&cache->rows);
  cache->freshness.Done(begin);
  return cache->rows;
}

void OnRelationChanged(Datum, Oid relation) {
  if (cache == nullptr) return;
  if (!OidIsValid(relation) || !OidIsValid(cache->table) || relation == cache->table) {
    cache->freshness.Invalidate();
  }
}

const StreamRow* FindRow(const std::string& stream) {
  for (const StreamRow& row : Rows()) {
    if (row.name == (stream.empty() ? kDefaultStreamName : stream)) return &row;
  }
  return nullptr;
}

// The stream's own value of a setting, else the value of the setting.
std::string SettingOf(const StreamRow* row, const char* name, const char* otherwise) {
  if (row != nullptr) {
    for (const auto& [setting, value] : row->settings) {
      if (setting == name) return value;
    }
  }
  return otherwise;
}

constexpr char kFraiseqlId[] = "Fraiseql-Id";

// The properties of a stream: as its worker has last seen them, else as configured.
struct StreamFacts {
  bool seen = false;     // by the stream's worker
  std::string name;      // at the broker
  std::string subjects;  // separated by commas
  std::string wanted_subjects;
  std::string subject_prefix;
  std::string topic_prefix;
  bool own_id_header = false;
};

// Copies what the worker has last seen; false if that is unknown.  Plain data, copied under a lock.
bool CopyTexts(int32 stream, WorkerTexts* texts) {
  if (shared == nullptr) return false;
  LWLockAcquire(shared->lock, LW_SHARED);
  const WorkerEntry* entry = FindEntry({MyDatabaseId, stream});
  const bool known = entry != nullptr && entry->texts.subjects[0] != '\0';
  if (known) {
    strlcpy(texts->stream, entry->texts.stream, sizeof(texts->stream));
    strlcpy(texts->subjects, entry->texts.subjects, sizeof(texts->subjects));
    strlcpy(texts->subject_prefix, entry->texts.subject_prefix, sizeof(texts->subject_prefix));
    strlcpy(texts->topic_prefix, entry->texts.topic_prefix, sizeof(texts->topic_prefix));
  }
  LWLockRelease(shared->lock);
  return known;
}

StreamFacts FactsOf(const std::string& stream) {
  const StreamRow* row = FindRow(stream);
  StreamFacts facts;
  facts.name = SettingOf(row, "stream_name", settings.stream_name);
  facts.wanted_subjects = SettingOf(row, "stream_subjects", settings.stream_subjects);
  facts.subjects = facts.wanted_subjects;
  facts.subject_prefix = SettingOf(row, "subject_prefix", settings.subject_prefix);
  facts.topic_prefix = SettingOf(row, "topic_prefix", settings.topic_prefix);
  const char* header = settings.message_id_header == kIdInFraiseqlId ? kFraiseqlId : "Nats-Msg-Id";
  facts.own_id_header = SettingOf(row, "message_id_header", header) == kFraiseqlId;
  WorkerTexts texts;
  facts.seen = CopyTexts(row != nullptr ? row->number : kDefaultStream, &texts);
  if (facts.seen) {
    facts.name = texts.stream;
    facts.subjects = texts.subjects;
    facts.subject_prefix = texts.subject_prefix;
    facts.topic_prefix = texts.topic_prefix;
  }
  return facts;
}

bool IsTaken(std::string_view list, std::string_view subject) {
  const std::vector<std::string_view> items = SplitList(list);
  return std::any_of(items.begin(), items.end(),
                     [&](std::string_view item) { return Covers(item, subject); });
}

StreamSubjects SubjectsOf(const std::string& stream) {
  StreamSubjects result;
  result.name = stream;
  result.subjects = ListItems(FactsOf(stream).subjects);
  return result;
}

const char* Shown(const std::string& stream) {
  return pstrdup(stream.empty() ? kDefaultStreamName : stream.c_str());
}

std::string SubjectOf(const Observer& observer, const char* table, const StreamFacts& facts) {
  return PatternOf(observer, table, facts.subject_prefix, facts.topic_prefix);
}

void RequireStream(const std::string& asked) {
  if (FindRow(asked) != nullptr) return;
  const char* name = pstrdup(asked.c_str());
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("stream \"%s\" does not exist", name),
                  errhint("Add it with fraiseql_nats.create_stream(), or name one of the table "
                          "fraiseql_nats.stream.")));
}

// Names of streams, palloc'd: an error may longjmp over it.  Null: none.
struct ChosenStreams {
  const char* first;
  const char* second;
};

// REQUIRES: the rows are read already, so that nothing here raises.
ChosenStreams ChooseBySubject(const std::string& subject) {
  std::vector<StreamSubjects> streams = {SubjectsOf({})};
  for (const StreamRow& row : Rows()) {
    if (row.number != kDefaultStream) streams.push_back(SubjectsOf(row.name));
  }
  const StreamChoice choice = ChooseStream(subject, streams);
  return {choice.stream != nullptr ? Shown(choice.stream->name) : nullptr,
          choice.another != nullptr ? Shown(choice.another->name) : nullptr};
}

}  // namespace

namespace {

// What stands for the varying parts of a subject.
struct Placeholders {
  const char* key;        // of the row, in a bucket
  const char* operation;  // of the change
  std::string own;        // the subject of an observer that has one
};

std::string SubjectWith(const Placeholders& varying, const Observer& observer, const char* table,
                        const std::string& subject_prefix, const std::string& topic_prefix) {
  std::string subject;
  if (const std::string_view bucket = BucketOfStream(observer.stream); !bucket.empty()) {
    AppendBucketSubject(bucket, varying.key, &subject);
  } else if (!observer.topic.empty()) {
    AppendTopicSubject(topic_prefix, observer.topic, &subject);
  } else if (!observer.subject.empty()) {
    subject = varying.own;
  } else if (table != nullptr) {
    subject.append(subject_prefix).push_back('.');
    AppendSubjectToken(
        observer.entity.empty() ? EntityOfTable(ToUtf8Anyhow(table)) : observer.entity, &subject);
    subject.append(".").append(varying.operation);
  } else {
    subject = observer.channel;
  }
  return subject;
}

}  // namespace

std::string PatternOf(const Observer& observer, const char* table,
                      const std::string& subject_prefix, const std::string& topic_prefix) {
  return SubjectWith({">", "*", observer.subject.Pattern()}, observer, table, subject_prefix,
                     topic_prefix);
}

Destination DestinationOf(const Observer& observer, const char* table) {
  const StreamFacts facts = FactsOf(observer.stream);
  Destination to;
  to.subject = SubjectWith({"{key}", "{op}", observer.subject.text()}, observer, table,
                           facts.subject_prefix, facts.topic_prefix);
  to.stream = observer.stream.empty() ? facts.name : observer.stream;
  to.is_known = facts.seen;
  to.is_taken = facts.seen && IsTaken(facts.subjects, SubjectOf(observer, table, facts));
  return to;
}

StreamNames NamesOf(const std::string& stream) {
  const StreamFacts facts = FactsOf(stream);
  return {stream.empty() ? facts.name : stream, facts.subject_prefix, facts.topic_prefix,
          facts.own_id_header};
}

const StreamRow* FindStream(const char* stream) {
  if (stream == nullptr || strcmp(stream, kDefaultStreamName) == 0) return FindRow({});
  auto* name = NewInContext<std::string>(CurrentMemoryContext, ToUtf8View(stream));
  RequireStream(*name);
  return FindRow(*name);
}

std::string ChooseStreamFor(const std::string& subject, const std::string& asked) {
  if (asked == kDefaultStreamName) return {};
  if (!asked.empty()) {
    RequireStream(asked);
    return asked;
  }
  if (Rows().empty()) return {};
  const ChosenStreams chosen = ChooseBySubject(subject);
  if (chosen.second != nullptr) {
    ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_PARAMETER),
                    errmsg("subject \"%s\" is taken by stream \"%s\" and by stream \"%s\"",
                           subject.c_str(), chosen.first, chosen.second),
                    errhint("Name one of them, for example: stream => '%s'.", chosen.first)));
  }
  const bool is_default = chosen.first == nullptr || strcmp(chosen.first, kDefaultStreamName) == 0;
  return is_default ? std::string() : std::string(chosen.first);
}

std::string ChooseStreamFor(const Observer& observer, const char* table) {
  static const std::string kDefault;
  const std::string& asked = observer.stream;
  const std::string& own = asked == kDefaultStreamName ? kDefault : asked;
  auto* subject =
      NewInContext<std::string>(CurrentMemoryContext, SubjectOf(observer, table, FactsOf(own)));
  return ChooseStreamFor(*subject, asked);
}

void WarnIfNotTaken(const std::string& subject, const std::string& stream) {
  // publish() calls this each time, and most calls return here.
  const StreamRow* row = stream.empty() ? nullptr : FindRow(stream);
  WorkerTexts texts;
  if (!CopyTexts(row != nullptr ? row->number : kDefaultStream, &texts)) return;
  if (IsTaken(texts.subjects, subject)) return;
  // Another client has created the stream if the configured subjects include this one.
  const bool is_wanted = IsTaken(FactsOf(stream).wanted_subjects, subject);
  const char* add = stream.empty() ? "Add it to \"fraiseql_nats.stream_subjects\", reload, and run"
                                   : "Add it with fraiseql_nats.alter_stream(), and run";
  ereport(
      WARNING,
      (errmsg("stream \"%s\" does not take subject \"%s\"", texts.stream, subject.c_str()),
       errdetail("It takes %s.  Messages on other subjects become dead letters.", texts.subjects),
       errhint("%s SELECT * FROM fraiseql_nats.stream_sync(); or choose a subject that the stream "
               "takes.",
               is_wanted ? "Run" : add)));
}

void WarnIfNotTaken(const Observer& observer, const char* table, const std::string& stream) {
  WarnIfNotTaken(SubjectOf(observer, table, FactsOf(stream)), stream);
}

void InstallStreamSubjects() { CacheRegisterRelcacheCallback(OnRelationChanged, Datum{0}); }

}  // namespace fraiseql::pg

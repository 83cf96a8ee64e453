// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <string_view>

#include "core/route/topic.h"
#include "nats/base/subject_set.h"

extern "C" {
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
}

#include "pg/settings/gucs.h"
#include "pg/base/server_text.h"
#include "pg/shared/shmem.h"
#include "pg/shared/stream_subjects.h"

namespace fraiseql::pg {

namespace {

// What WorkerTexts says of the stream.  Plain data: an error may longjmp over it.
struct StreamTexts {
  decltype(WorkerTexts::stream) stream;
  decltype(WorkerTexts::subjects) subjects;
  decltype(WorkerTexts::subject_prefix) subject_prefix;
  decltype(WorkerTexts::topic_prefix) topic_prefix;
};

// False if nothing is known.  publish() comes here each time: no more is copied than is said.
bool CopyTexts(StreamTexts* texts) {
  if (shared == nullptr) return false;
  LWLockAcquire(shared->lock, LW_SHARED);
  const WorkerEntry* entry = FindEntry({MyDatabaseId, kDefaultStream});
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

bool IsTaken(std::string_view list, std::string_view subject) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (nats::Covers(item, subject)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

void Warn(const StreamTexts& texts, const std::string& subject) {
  if (IsTaken(texts.subjects, subject)) return;
  // Somebody else has made the stream if the settings name the subject.
  const bool is_wanted = IsTaken(settings.stream_subjects, subject);
  ereport(
      WARNING,
      (errmsg("stream \"%s\" does not take subject \"%s\"", texts.stream, subject.c_str()),
       errdetail("It takes %s.  Messages on other subjects become dead letters.", texts.subjects),
       errhint(
           "%s SELECT * FROM fraiseql_nats.stream_sync(); or choose a subject that the stream "
           "takes.",
           is_wanted ? "Run" : "Add it to \"fraiseql_nats.stream_subjects\", reload, and run")));
}

}  // namespace

void WarnIfNotTaken(const std::string& subject) {
  StreamTexts texts;
  if (CopyTexts(&texts)) Warn(texts, subject);
}

void WarnIfNotTaken(const Observer& observer, const char* table) {
  StreamTexts texts;
  if (!CopyTexts(&texts)) return;
  std::string subject;
  if (!observer.topic.empty()) {
    AppendTopicSubject(texts.topic_prefix, observer.topic, &subject);
  } else if (!observer.subject.empty()) {
    subject = observer.subject.Pattern();
  } else if (table != nullptr) {
    subject.append(texts.subject_prefix).push_back('.');
    AppendSubjectToken(
        observer.entity.empty() ? EntityOfTable(ToUtf8Anyhow(table)) : observer.entity, &subject);
    subject.append(".*");
  } else {
    subject = observer.channel;
  }
  Warn(texts, subject);
}

}  // namespace fraiseql::pg

// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/refused_subjects.h"

#include <charconv>

#include "core/base/foreign_text.h"
#include "core/base/utf8.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kBeliefUs = 10'000'000;
constexpr size_t kMaxSubjects = 1024;  // beyond this the set is cleared
constexpr std::string_view kRefusal = "Permissions Violation for Publish to \"";
constexpr std::string_view kApiPrefix = "$JS.";

Status Refused(std::string_view subject) {
  return Status::Rejected(
      "NATS refuses: Permissions Violation for Publish to \"" + std::string(subject) + "\"",
      "The NATS user needs the permission to publish to this subject.");
}

// The server quotes as Go does (%q).  Reads up to the closing quote; false if there is none.
bool Unquote(std::string_view text, std::string* subject) {
  while (!text.empty() && text[0] != '"') {
    if (text[0] != '\\' || text.size() < 2) {
      subject->push_back(text[0]);
      text.remove_prefix(1);
      continue;
    }
    const char kind = text[1];
    const size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (text.size() < 2 + digits) return false;
    uint32_t code = 0;
    std::from_chars(text.data() + 2, text.data() + 2 + digits, code, 16);
    if (digits > 2) {
      AppendUtf8(code, subject);
    } else {
      subject->push_back(digits == 2 ? static_cast<char>(code) : kind);
    }
    text.remove_prefix(2 + digits);
  }
  return !text.empty();
}

}  // namespace

std::string SubjectOfRefusal(std::string_view text) {
  const size_t quote = text.find('"');
  std::string subject;
  if (quote != std::string_view::npos) (void)Unquote(text.substr(quote + 1), &subject);
  return subject;
}

bool IsStillBelieved(const Message& message, int64_t learned_us, int64_t now_us) {
  if (message.attempts > 0 && message.commit_time_us >= learned_us) return false;
  return now_us >= learned_us && now_us - learned_us < kBeliefUs;
}

Status RefusedSubjects::Learn(std::string_view text, int64_t now_us) {
  const size_t at = text.find(kRefusal);
  if (at == std::string_view::npos) return Status::Ok();
  std::string subject;
  const bool complete = Unquote(text.substr(at + kRefusal.size()), &subject);
  if (subject.empty() || subject.compare(0, kApiPrefix.size(), kApiPrefix) == 0) {
    return Status::Ok();
  }
  if (subjects_.size() >= kMaxSubjects) subjects_.clear();
  subjects_.insert_or_assign(subject, Refusal{now_us, !complete});
  return Refused(ForeignText(subject));
}

Status RefusedSubjects::Check(const Message& message, int64_t now_us) {
  // The last entry that is not greater: the subject itself, or its cut-off beginning.
  auto found = subjects_.upper_bound(message.subject);
  if (found == subjects_.begin()) return Status::Ok();
  const auto& [subject, refusal] = *--found;
  const bool same = refusal.cut_off ? message.subject.compare(0, subject.size(), subject) == 0
                                    : message.subject == subject;
  if (!same) return Status::Ok();
  if (IsStillBelieved(message, refusal.learned_us, now_us)) return Refused(message.subject);
  subjects_.erase(found);
  return Status::Ok();
}

}  // namespace fraiseql::nats

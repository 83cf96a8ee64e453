// SPDX-License-Identifier: PostgreSQL
#include "core/route/stream_choice.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

const std::vector<StreamSubjects> kStreams = {{"", {"fraiseql.>"}},
                                              {"clicks", {"click.*", "click.*.seen"}},
                                              {"orders", {"order.>", "click.paid"}}};

// The names of those that take the subject, `default` for the first.
std::string Chosen(std::string_view subject) {
  const StreamChoice choice = ChooseStream(subject, kStreams);
  const auto name = [](const StreamSubjects* stream) {
    return stream->name.empty() ? std::string("default") : stream->name;
  };
  if (choice.stream == nullptr) return "none";
  return name(choice.stream) + (choice.another != nullptr ? "+" + name(choice.another) : "");
}

TEST(StreamChoice, IsTheStreamWhoseSubjectsCoverTheSubject) {
  const struct {
    const char* subject;
    const char* stream;
  } kCases[] = {{"fraiseql.order.created", "default"},
                {"fraiseql", "none"},
                {"click.a", "clicks"},
                {"click.a.seen", "clicks"},
                {"click.a.b", "none"},
                {"click.*", "clicks"},
                {"click.>", "none"},
                {"click.paid", "clicks+orders"},
                {"order.eu.created", "orders"},
                {"order.*.created", "orders"},
                {"*.created", "none"},
                {"mail.send", "none"}};
  for (const auto& test : kCases) EXPECT_EQ(Chosen(test.subject), test.stream) << test.subject;
}

TEST(StreamChoice, IsNoneWhereThereAreNoStreams) {
  EXPECT_EQ(ChooseStream("a", {}).stream, nullptr);
}

}  // namespace
}  // namespace fraiseql

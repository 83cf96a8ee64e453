// SPDX-License-Identifier: PostgreSQL
#include "core/base/regular_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace fraiseql {
namespace {

class RegularFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/regular_file.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Path(const char* name) const { return directory_ + "/" + name; }
  FileError Read(const std::string& path, size_t max_bytes = 100) {
    return ReadRegularFile(path, max_bytes, &content_, &reason_);
  }

  std::string directory_, content_, reason_;
};

TEST_F(RegularFile, IsReadWholeAndThroughLinks) {
  std::ofstream(Path("file")) << std::string(100, 'x');
  symlink("file", Path("link").c_str());
  EXPECT_EQ(Read(Path("file")), FileError::kNone);
  EXPECT_EQ(content_, std::string(100, 'x'));
  EXPECT_EQ(Read(Path("link")), FileError::kNone);
  EXPECT_EQ(content_.size(), 100u);
}

TEST_F(RegularFile, OfTooManyBytesIsRefused) {
  std::ofstream(Path("file")) << std::string(1025, 'x');
  EXPECT_EQ(Read(Path("file"), 1024), FileError::kTooLarge);
  EXPECT_EQ(reason_, "it has more than 1 kB");
  EXPECT_EQ(content_, "");
}

TEST_F(RegularFile, IsAllThatIsRead) {
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(Read(Path("fifo")), FileError::kUnreadable);  // and does not wait for a writer
  EXPECT_EQ(reason_, "it is not a regular file");
  EXPECT_EQ(Read(directory_), FileError::kUnreadable);
  EXPECT_EQ(reason_, "it is a directory");
  EXPECT_EQ(Read("/dev/zero"), FileError::kUnreadable);
  EXPECT_EQ(Read(Path("none")), FileError::kMissing);
  EXPECT_EQ(reason_, "No such file or directory");
}

}  // namespace
}  // namespace fraiseql

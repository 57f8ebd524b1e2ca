// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/cancel.h"
#include "model/core/checksum.h"
#include "model/core/digest.h"
#include "model/core/error.h"
#include "model/core/folder_lock.h"
#include "model/core/log.h"
#include "model/core/mapped_file.h"
#include "model/core/resident_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace vlm {
namespace {

TEST(Digest, Sha256OfTheStandardsExample) { // FIPS 180-4
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// The values come from a few lines of Python that follow the header's words.
TEST(Checksum, OfKnownBytes) {
  EXPECT_EQ(checksum(""), "8fe8e1eb1b11ad07");
  EXPECT_EQ(checksum("abc"), "b5f1e61eedf4c3a3");
  std::string bytes(1000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 7 % 256);
  EXPECT_EQ(checksum(bytes), "2f42a2b3e742f4cd");
}

TEST(Checksum, SeesEveryDamagedByte) {
  const std::string good(500, 'x');
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = 'y';
    EXPECT_NE(checksum(bad), checksum(good)) << i;
  }
  EXPECT_NE(checksum(std::string(9, '\0')), checksum(std::string(10, '\0')));
}

TEST(FolderLock, IsHadOnce) {
  const std::string folder = ::testing::TempDir() + "lock-" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  {
    const FolderLock lock(folder);
    try {
      const FolderLock second(folder);
      FAIL();
    } catch (const Error &error) {
      EXPECT_EQ(error.category(), ErrorCategory::Settings);
      EXPECT_NE(std::string(error.what()).find(folder), std::string::npos);
    }
  }
  const FolderLock again(folder);
  std::filesystem::remove(folder);
}

TEST(MappedFile, NamesWhatIsMissing) {
  try {
    MappedFile file("/nonexistent/model.bin");
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), ErrorCategory::NotFound);
    EXPECT_NE(std::string(error.what()).find("/nonexistent/model.bin"), std::string::npos);
  }
}

TEST(MappedFile, RefusesADirectory) {
  try {
    MappedFile file("/tmp");
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), ErrorCategory::Unreadable);
  }
}

TEST(MappedFile, ReadsEmptyAndReleasedFiles) {
  const std::string path = ::testing::TempDir() + "mapped_file_test";
  std::ofstream(path) << std::string(100000, 'x');
  MappedFile file(path);
  file.release(0, file.bytes().size());
  EXPECT_EQ(file.bytes(), std::string(100000, 'x'));
  std::ofstream(path, std::ios::trunc).close();
  EXPECT_EQ(read_file(path), "");
}

TEST(ResidentMemory, IsZeroAlignedAndOneOwn) {
  constexpr size_t kHuge = size_t{2} << 20;
  for (const size_t size : {size_t{1}, size_t{4096}, kHuge - 1, kHuge, kHuge + 1, 3 * kHuge + 5}) {
    char *const one = static_cast<char *>(map_resident(size));
    char *const other = static_cast<char *>(map_resident(size));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(one) % kHuge, 0u) << size;
    EXPECT_TRUE(std::all_of(one, one + size, [](char c) { return c == 0; })) << size;
    std::fill_n(one, size, 'x');
    unmap_resident(one, size);
    EXPECT_TRUE(std::all_of(other, other + size, [](char c) { return c == 0; })) << size;
    unmap_resident(other, size);
  }
  try {
    map_resident(size_t{1} << 60);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), ErrorCategory::Memory);
    EXPECT_NE(std::string(error.what()).find("1152921504606846976 bytes"), std::string::npos);
  }
}

TEST(Cancel, IsSharedByCopies) {
  CancelToken token, copy = token;
  EXPECT_NO_THROW(token.check());
  copy.cancel();
  EXPECT_THROW(token.check(), Error);
}

TEST(Log, GoesToTheSink) {
  std::string got;
  set_log_sink([&](LogLevel, const std::string &line) { got = line; });
  log(LogLevel::Info, "tensor ", 7);
  set_log_sink({});
  log(LogLevel::Info, "nobody listens");
  EXPECT_EQ(got, "tensor 7");
}

} // namespace
} // namespace vlm

// SPDX-License-Identifier: LGPL-2.1-or-later
// What the machine and its control groups allow, read from folders that a test wrote.
#include "model/core/machine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace vlm {
namespace {

namespace fs = std::filesystem;

class Machine : public ::testing::Test {
protected:
  void SetUp() override { fs::remove_all(root_); }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::map<std::string, std::string> &files) {
    for (const auto &[name, text] : files) {
      fs::create_directories((root_ / name).parent_path());
      std::ofstream(root_ / name) << text << "\n";
    }
  }
  uint64_t memory() const { return available_memory(root_); }
  int threads() const { return available_threads(root_); }

  const fs::path root_ = fs::path(::testing::TempDir()) / "machine";
};

TEST(RealMachine, HasThreadsAndMemory) {
  EXPECT_GE(available_threads(), 1);
  EXPECT_GT(available_memory(), 1u << 20);
}

TEST_F(Machine, WithoutGroupsHasWhatTheKernelTells) {
  write({{"proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:   7000 kB\nCached: 3 kB"}});
  EXPECT_EQ(memory(), 7000u * 1024);
  EXPECT_EQ(threads(), available_threads("/no/such/root"));
}

TEST_F(Machine, CacheOfFilesCountsAsLeftInVersion2) {
  write({{"proc/meminfo", "MemAvailable: 7000000 kB"},
         {"proc/self/cgroup", "0::/user/work"},
         {"sys/fs/cgroup/user/work/memory.max", "1000000"},
         {"sys/fs/cgroup/user/work/memory.current", "900000"},
         {"sys/fs/cgroup/user/work/memory.stat", "anon 200000\ninactive_file 600000\nslab 1"}});
  EXPECT_EQ(memory(), 700000u);
}

TEST_F(Machine, CacheOfFilesCountsAsLeftInVersion1) {
  write({{"proc/meminfo", "MemAvailable: 7000000 kB"},
         {"proc/self/cgroup", "4:memory:/box\n1:cpu,cpuacct:/box\n0::/"},
         {"sys/fs/cgroup/memory/box/memory.limit_in_bytes", "1000000"},
         {"sys/fs/cgroup/memory/box/memory.usage_in_bytes", "900000"},
         {"sys/fs/cgroup/memory/box/memory.stat", "inactive_file 5\ntotal_inactive_file 600000"},
         {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"}});
  EXPECT_EQ(memory(), 700000u);
}

TEST_F(Machine, TheTightestParentCounts) {
  write({{"proc/meminfo", "MemAvailable: 7000000 kB"},
         {"proc/self/cgroup", "0::/user/work"},
         {"sys/fs/cgroup/user/work/memory.max", "max"},
         {"sys/fs/cgroup/user/memory.max", "500000"},
         {"sys/fs/cgroup/user/memory.current", "600000"}});
  EXPECT_EQ(memory(), 0u);
}

TEST_F(Machine, AContainerThatSeesOnlyItsOuterGroupIsBounded) {
  write({{"proc/meminfo", "MemAvailable: 7000000 kB"},
         {"proc/self/cgroup", "3:memory:/name/from/outside"},
         {"sys/fs/cgroup/memory/memory.limit_in_bytes", "4000"}});
  EXPECT_EQ(memory(), 4000u);
}

TEST_F(Machine, QuotasOfBothVersionsBoundTheThreads) {
  write({{"proc/self/cgroup", "0::/a"}, {"sys/fs/cgroup/a/cpu.max", "20000 100000"}});
  EXPECT_EQ(threads(), 1);
  write({{"sys/fs/cgroup/a/cpu.max", "max 100000"}});
  EXPECT_EQ(threads(), available_threads("/no/such/root"));
  write({{"proc/self/cgroup", "1:cpu,cpuacct:/a"},
         {"sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "50000"},
         {"sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000"}});
  EXPECT_EQ(threads(), 1);
  write({{"sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1"}});
  EXPECT_EQ(threads(), available_threads("/no/such/root"));
}

} // namespace
} // namespace vlm

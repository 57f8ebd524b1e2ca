// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a model goes, and when it is refused for want of memory.
#include "model/engine/placement.h"

#include "model/core/error.h"
#include "model/core/machine.h"
#include "model/engine/load.h"
#include "tests/support/fixture.h"

#include <filesystem>

namespace vlm::test {
namespace {

constexpr uint64_t kGigabyte = 1000000000;
constexpr WeightBytes kLarge{28 * kGigabyte, 14 * kGigabyte, 8 * kGigabyte, 5 * kGigabyte};

ModelOptions in(const std::string &precision) { return {"/model", "cpu", precision, 0}; }

TEST(Placement, TooLittleMemoryIsToldWithBothFigures) {
  try {
    place(in("bfloat16"), kLarge, 8 * kGigabyte);
    FAIL() << "was not refused";
  } catch (const Error &error) {
    const std::string what = error.what();
    EXPECT_EQ(error.category(), ErrorCategory::Memory);
    EXPECT_NE(what.find("14.42 GB"), std::string::npos) << what; // with the headroom of a run
    EXPECT_NE(what.find("8.00 GB"), std::string::npos) << what;
    EXPECT_NE(what.find("bfloat16"), std::string::npos) << what;
  }
  EXPECT_THROW(place(in("float32"), kLarge, 28 * kGigabyte), Error);
  EXPECT_EQ(place(in("float32"), kLarge, 29 * kGigabyte).precision, Precision::Float32);
}

TEST(Placement, IntegersAreCountedAsWhatTheyTake) {
  EXPECT_EQ(place(in("int8"), kLarge, 9 * kGigabyte).precision, Precision::Int8);
  EXPECT_THROW(place(in("int8"), kLarge, 8 * kGigabyte), Error);
  EXPECT_EQ(place(in("int4"), kLarge, 6 * kGigabyte).precision, Precision::Int4);
  EXPECT_THROW(place(in("int4"), kLarge, 5 * kGigabyte), Error);
}

TEST(Placement, AQuantisedCheckpointHasOnePrecision) {
  WeightBytes bytes{9, 9, 9, 9, Quantization::Int4};
  EXPECT_EQ(place(in("auto"), bytes, 9 * kGigabyte).precision, Precision::Int4);
  for (const char *precision : {"auto", "int4"})
    EXPECT_NO_THROW(check_stored(in(precision), Quantization::Int4));
  EXPECT_NO_THROW(check_stored(in("float32"), Quantization::None));
  const auto refused = [](const ModelOptions &options, ErrorCategory category) {
    try {
      check_stored(options, Quantization::Int4);
      ADD_FAILURE() << "was not refused";
    } catch (const Error &error) {
      EXPECT_EQ(error.category(), category);
      EXPECT_NE(std::string(error.what()).find("int4"), std::string::npos) << error.what();
    }
  };
  refused(in("int8"), ErrorCategory::Settings);
  refused(in("float32"), ErrorCategory::Settings);
  refused({"/model", "cuda", "auto", 0}, ErrorCategory::Unavailable);
}

TEST(Placement, AutoTakesBfloat16WhereFloat32WouldFillTheMemory) {
  EXPECT_EQ(place(in("auto"), kLarge, 40 * kGigabyte).precision, Precision::BFloat16);
  EXPECT_EQ(place(in("auto"), kLarge, 60 * kGigabyte).precision,
            cpu_has_bf16() ? Precision::BFloat16 : Precision::Float32);
}

TEST(Placement, AutoTakesIntegersWhereNothingElseFits) {
  EXPECT_EQ(place(in("auto"), kLarge, 15 * kGigabyte).precision, Precision::BFloat16);
  EXPECT_EQ(place(in("auto"), kLarge, 14 * kGigabyte).precision, Precision::Int8);
  EXPECT_EQ(place(in("auto"), kLarge, 7 * kGigabyte).precision, Precision::Int4);
  try {
    place(in("auto"), kLarge, 3 * kGigabyte);
    FAIL() << "was not refused";
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("int4"), std::string::npos) << error.what();
  }
}

TEST(Placement, WhatARunKeepsCounts) {
  WeightBytes bytes = kLarge;
  bytes.caches = 2 * kGigabyte;
  EXPECT_EQ(place(in("auto"), bytes, 15 * kGigabyte).precision, Precision::Int8);
  EXPECT_THROW(place(in("bfloat16"), bytes, 15 * kGigabyte), Error);
  EXPECT_NO_THROW(place(in("bfloat16"), bytes, 17 * kGigabyte));
  EXPECT_THROW(place(in("float32"), bytes, 32 * kGigabyte), Error); // twice as much in float32
  EXPECT_NO_THROW(place(in("float32"), bytes, 33 * kGigabyte));
}

TEST(ResolveOptions, LeavesNothingToDecide) {
  const std::string model = data("llama3/model");
  const ModelOptions resolved = resolve_options({model + "/../model/.", "cpu", "auto", 3});
  EXPECT_EQ(resolved.path, std::filesystem::canonical(model));
  EXPECT_EQ(resolved.precision, cpu_has_bf16() ? "bfloat16" : "float32");
  EXPECT_EQ(resolved.threads, 3);
}

} // namespace
} // namespace vlm::test

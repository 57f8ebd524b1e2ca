// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/own_errors.h"

#include "tests/model/weights/scratch.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <new>

namespace vlm {
namespace {

/// What leaves with_own_errors().
template <typename Body> std::string message(ErrorCategory category, Body body) {
  try {
    with_own_errors(body);
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), category);
    return error.what();
  }
  ADD_FAILURE() << "no Error";
  return "";
}

TEST(OwnErrors, AFailedAllocationSaysHowMuchItWas) {
  EXPECT_EQ(message(ErrorCategory::Memory, [] { at::empty({int64_t{1} << 50}, at::kByte); }),
            "out of memory: 1125899.91 GB could not be allocated");
}

TEST(OwnErrors, WhatElseLibtorchThrowsIsOneLine) {
  const std::string text = message(ErrorCategory::Failed, [] {
    at::zeros({2, 3}).matmul(at::zeros({2, 3}));
  });
  EXPECT_NE(text.find("2x3"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

TEST(OwnErrors, OthersAndResultsPassAsTheyAre) {
  EXPECT_EQ(with_own_errors([] { return 3; }), 3);
  test::expect_error(ErrorCategory::Data, {"a file"},
                     [] { with_own_errors([] { fail(ErrorCategory::Data, "a file"); }); });
  EXPECT_THROW(with_own_errors([] { throw std::bad_alloc(); }), std::bad_alloc);
}

} // namespace
} // namespace vlm

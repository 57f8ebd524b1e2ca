// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/safetensors.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <unistd.h>

namespace vlm::test {

/// The reference checkpoints below tests/data, by folder.
inline constexpr const char *kReferenceModels[] = {"gemma",  "llama3",    "llama3-hd", "mixtral",
                                                   "vicuna", "vicuna-hd", "yi"};

/// Path of a file below tests/data.
inline std::string data(const std::string &relative) { return VLM_TEST_DATA "/" + relative; }

inline nlohmann::json read_json(const std::string &relative) {
  return nlohmann::json::parse(read_file(data(relative)));
}

/// Path among the temporary files that no other run of this suite has.
inline std::string own_path(const std::string &name) {
  return ::testing::TempDir() + "vlm-" + std::to_string(getpid()) + "-" + name;
}

/// Tensors of a safetensors file below tests/data, read by name.
class Fixture {
public:
  explicit Fixture(const std::string &relative) : file_(data(relative)) {}
  bool contains(const std::string &name) const { return file_.tensors().count(name) > 0; }
  at::Tensor operator[](const std::string &name) const { return file_.load(name); }

private:
  SafetensorsFile file_;
};

/// Holds when shapes are equal, everything is finite and |got - want| <= atol everywhere; otherwise
/// tells the largest difference. `largest` (may be null) receives it.
::testing::AssertionResult near(const at::Tensor &got, const at::Tensor &want, double atol,
                                double *largest = nullptr);

} // namespace vlm::test

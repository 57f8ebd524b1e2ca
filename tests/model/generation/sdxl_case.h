// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tests/support/fixture.h"

#include <cstdio>

namespace vlm::test {

/// The tiny pipeline of tests/data/sdxl with what diffusers computed.
class SdxlCase {
public:
  std::string directory() const { return data("sdxl/model"); }
  const nlohmann::json &prompts() const { return case_.at("prompts"); }
  const nlohmann::json &description() const { return case_; }

  at::Tensor operator()(size_t prompt, const std::string &name) const {
    return expected_["p" + std::to_string(prompt) + "." + name];
  }

  /// Compares with a tensor of the reference at the case's own tolerance; prints the difference.
  void expect(size_t prompt, const std::string &name, const at::Tensor &got) const {
    expect_near(prompt, name, got, (*this)(prompt, name));
  }
  void expect_near(size_t prompt, const std::string &name, const at::Tensor &got,
                   const at::Tensor &want) const {
    const double atol = case_.at("tolerances").at(name).at("atol").get<double>();
    double worst = 0;
    EXPECT_TRUE(near(got, want, atol, &worst)) << "p" << prompt << "." << name;
    std::printf("p%zu.%s: %.1e of %.1e\n", prompt, name.c_str(), worst, atol);
  }

private:
  nlohmann::json case_ = read_json("sdxl/case.json");
  Fixture expected_{"sdxl/expected.safetensors"};
};

} // namespace vlm::test

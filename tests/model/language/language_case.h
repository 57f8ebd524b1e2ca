// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/language/decoder.h"
#include "model/weights/checkpoint.h"
#include "model/weights/model_config.h"
#include "tests/support/fixture.h"

#include <string>
#include <vector>

namespace vlm::test {

/// One reference case below tests/data with its language model.
struct LanguageCase {
  LanguageCase(const std::string &name, at::ScalarType dtype,
               Quantization quantization = Quantization::None);
  at::Tensor expected(size_t prompt, const std::string &what) const;
  bool has(size_t prompt, const std::string &what) const;
  double atol(const std::string &what) const { return json["tolerances"][what]["atol"]; }
  size_t prompts() const { return json["prompts"].size(); }

  std::string name;
  nlohmann::json json;
  Fixture fixture;
  Decoder decoder;
};

} // namespace vlm::test

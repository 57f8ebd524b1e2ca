// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/language/decoder.h"
#include "model/weights/state_dict.h"
#include "tests/support/fixture.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace vlm::test {

/// The shards of one checkpoint directory as they are, without the checks of a Checkpoint.
class Shards : public StateDict {
public:
  explicit Shards(const std::string &relative);
  bool contains(const std::string &name) const override { return where_.count(name) > 0; }
  std::vector<std::string> names() const override;
  std::vector<int64_t> shape(const std::string &name) const override;
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override;
  std::string origin(const std::string &name) const override { return where_.at(name)->path(); }

private:
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, const SafetensorsFile *> where_;
};

/// One reference case below tests/data with its language model.
struct LanguageCase {
  LanguageCase(const std::string &name, at::ScalarType dtype);
  at::Tensor expected(size_t prompt, const std::string &what) const;
  bool has(size_t prompt, const std::string &what) const;
  double atol(const std::string &what) const { return json["tolerances"][what]["atol"]; }
  size_t prompts() const { return json["prompts"].size(); }

  std::string name;
  nlohmann::json json;
  Fixture fixture;
  Decoder decoder;
};

/// All cases with a language model.
const std::vector<std::string> &language_cases();

} // namespace vlm::test

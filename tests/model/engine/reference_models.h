// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/model.h"
#include "model/vision/image_file.h"
#include "tests/support/fixture.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vlm::test {

/// A reference model of tests/data, and the precision that it is loaded in.
struct ReferenceKind {
  const char *name, *precision;
};
inline void PrintTo(const ReferenceKind &kind, std::ostream *out) {
  *out << kind.name << " " << kind.precision;
}

/// Answers to several requests, made together.
inline std::vector<Result> together(const Model &model, const std::vector<Request> &requests) {
  std::vector<std::unique_ptr<Answer>> answers;
  for (const Request &request : requests)
    answers.push_back(model.begin(request, {}));
  for (;;) {
    std::vector<Answer *> going;
    for (const auto &answer : answers)
      if (!answer->finished())
        going.push_back(answer.get());
    if (going.empty())
      break;
    model.advance(going);
  }
  std::vector<Result> results;
  for (const auto &answer : answers)
    results.push_back(answer->take());
  return results;
}

/// Every family, base and HD, every precision, with what the reference was asked.
class ReferenceModel : public ::testing::TestWithParam<ReferenceKind> {
protected:
  void SetUp() override {
    const std::string name = GetParam().name;
    model_ = Model::load({data(name + "/model"), "cpu", GetParam().precision, 0});
    const nlohmann::json reference = read_json(name + "/case.json");
    for (const auto &prompt : reference["prompts"]) {
      Request request;
      request.question = prompt["question"];
      request.max_tokens = prompt["max_tokens"];
      for (const auto &path : prompt["images"])
        request.images.push_back(load_image(data(name + "/" + path.get<std::string>())));
      requests_.push_back(std::move(request));
    }
  }

  std::shared_ptr<const Model> model_;
  std::vector<Request> requests_;
};

inline auto reference_kinds() {
  return ::testing::Values(ReferenceKind{"gemma", "float32"}, ReferenceKind{"vicuna", "bfloat16"},
                           ReferenceKind{"mixtral", "float32"},
                           ReferenceKind{"vicuna-hd", "float32"}, ReferenceKind{"yi", "bfloat16"},
                           ReferenceKind{"llama3", "int8"}, ReferenceKind{"gemma", "int4"},
                           ReferenceKind{"mixtral", "int4"});
}

inline std::string reference_name(const ::testing::TestParamInfo<ReferenceKind> &info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name + "_" + info.param.precision;
}

} // namespace vlm::test

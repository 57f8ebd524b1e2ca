// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/model/language/language_case.h"

namespace vlm::test {
namespace {

Decoder load(const std::string &directory, at::ScalarType dtype, Quantization quantization) {
  const Checkpoint checkpoint(directory);
  return Decoder(Scope(checkpoint, dtype).quantized(quantization),
                 read_model_config(directory, checkpoint).decoder);
}

std::string key(size_t prompt, const std::string &what) {
  return "p" + std::to_string(prompt) + "." + what;
}

} // namespace

LanguageCase::LanguageCase(const std::string &case_name, at::ScalarType dtype,
                           Quantization quantization)
    : name(case_name), json(read_json(name + "/case.json")),
      fixture(name + "/expected.safetensors"),
      decoder(load(data(name + "/model"), dtype, quantization)) {}

at::Tensor LanguageCase::expected(size_t prompt, const std::string &what) const {
  return fixture[key(prompt, what)];
}

bool LanguageCase::has(size_t prompt, const std::string &what) const {
  return fixture.contains(key(prompt, what));
}

} // namespace vlm::test

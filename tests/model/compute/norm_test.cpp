// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/norm.h"

#include "tests/model/compute/random.h"
#include "tests/support/fixture.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>

#include <cstdio>

namespace vlm::test {
namespace {

// One tensor, "weight", handed out as it is.
class OneWeight : public StateDict {
public:
  explicit OneWeight(at::Tensor weight) : weight_(std::move(weight)) {}
  bool contains(const std::string &name) const override { return name == "weight"; }
  std::vector<std::string> names() const override { return {"weight"}; }
  std::vector<int64_t> shape(const std::string &) const override { return weight_.sizes().vec(); }
  at::Tensor load(const std::string &, at::ScalarType) const override { return weight_; }
  std::string origin(const std::string &) const override { return "test"; }

private:
  at::Tensor weight_;
};

RmsNorm rms_norm(const at::Tensor &weight, double eps, bool unit_offset) {
  return RmsNorm(Scope(OneWeight(weight), at::kFloat), weight.numel(), eps, unit_offset);
}

void report(const char *what, const at::Tensor &got, const at::Tensor &want) {
  double largest = 0;
  EXPECT_TRUE(near(got, want, 1e-5, &largest)) << what;
  std::printf(" %s %.2g", what, largest);
}

TEST(Norm, ReferenceNormsAndActivations) {
  const Fixture fixture("micro/norms_activations.safetensors");
  const at::NoGradGuard guard;
  const at::Tensor x = fixture["x"], weight = fixture["weight"], z = fixture["z"];
  std::printf("[   parity ] micro/norms_activations:");
  report("llama", rms_norm(weight, 1e-5, false)(x), fixture["llama"]);
  report("gemma", rms_norm(weight, 1e-6, true)(x), fixture["gemma"]);
  report("gelu_erf", at::gelu(z), fixture["gelu_erf"]);
  report("gelu_tanh", at::gelu(z, "tanh"), fixture["gelu_tanh"]);
  report("quick_gelu", z * at::sigmoid(z * 1.702), fixture["quick_gelu"]);
  report("silu", at::silu(z), fixture["silu"]);
  std::printf("\n");
}

TEST(Norm, RmsNormGradients) {
  for (const int64_t size : {1, 8, 40, 67})
    for (const bool offset : {false, true}) {
      const at::Tensor x = parameter({3, 5, size}, 1), w = parameter({size}, 2);
      const at::Tensor x2 = twin(x), w2 = twin(w);
      const at::Tensor y = rms_norm(w, 1e-5, offset)(x);
      const at::Tensor y2 =
          x2 * at::rsqrt((x2 * x2).mean({-1}, true) + 1e-5) * (offset ? w2 + 1 : w2);
      EXPECT_TRUE(near(y, y2, 1e-5));
      scalar(y).backward();
      scalar(y2).backward();
      // One element alone has almost no gradient; its float32 terms cancel.
      const double atol = size == 1 ? 1e-3 : 2e-5;
      EXPECT_TRUE(near(x.grad(), x2.grad(), atol)) << size;
      EXPECT_TRUE(near(w.grad(), w2.grad(), 2e-5)) << size;
    }
}

} // namespace
} // namespace vlm::test
